import type { AsyncBuffer, FileMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/** A page's header has a few dozen bytes, more where it repeats long values as statistics. */
const HEADER_BYTES = 4096;
const LONGEST_HEADER_BYTES = 16 * 1024 * 1024;

/**
 * Goes from header to header through the pages of every column. The library trusts their sizes: one below zero would lead it around in a
 * circle for ever, and a wild number of values would fill memory.
 * @throws Error that names the page.
 */
export async function refuseWildPages(file: AsyncBuffer, { row_groups: groups }: FileMetaData): Promise<void> {
  for (const { columns } of groups) {
    for (const { meta_data: column } of columns) {
      if (!column) throw new Error('a column without a description');
      const { dictionary_page_offset, data_page_offset, total_compressed_size } = column;
      const start = Number(dictionary_page_offset || data_page_offset);
      const end = start + Number(total_compressed_size);
      if (!(start >= 0 && start <= end && end <= file.byteLength))
        throw new Error(`a column at bytes ${start} to ${end} of ${file.byteLength}`);
      let values = 0;
      for (let at = start; at < end - 1;) {
        const { header, length } = await headerAt(file, at, end);
        const { compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
        const counted = header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0;
        if (!(packed >= 0 && unpacked >= 0 && counted >= 0 && at + length + packed <= end))
          throw new Error(`the page at byte ${at} has impossible sizes`);
        values += counted;
        at += length + packed;
      }
      if (values !== Number(column.num_values)) throw new Error(`a column of ${column.num_values} values has pages of ${values}`);
    }
  }
}

async function headerAt(file: AsyncBuffer, at: number, end: number): Promise<{ header: ReturnType<typeof parquetHeader>; length: number }> {
  for (let bytes = HEADER_BYTES; ; bytes *= 16) {
    const last = Math.min(end, at + bytes);
    const reader = { view: new DataView(await file.slice(at, last)), offset: 0 };
    try {
      return { header: parquetHeader(reader), length: reader.offset };
    } catch (error) {
      if (last === end || bytes > LONGEST_HEADER_BYTES) throw error;
    }
  }
}
