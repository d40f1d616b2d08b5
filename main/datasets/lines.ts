/**
 * Lines of a UTF-8 byte stream, split at line feeds only (a carriage return before one is dropped): other line separators of
 * Unicode are legal inside JSON strings. Memory is bounded by the longest line.
 * @param decodeOther makes a line of bytes that are not UTF-8, with a message that says so; without it they are an error.
 * @throws TypeError naming the byte offset of the line when it is not UTF-8; RangeError when it is longer than the limit.
 */
export async function* linesOf(
  stream: AsyncIterable<Uint8Array>,
  maxLineBytes = Infinity,
  decodeOther?: (line: Uint8Array, message: string) => string,
): AsyncIterable<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let parts: Uint8Array[] = [];
  let partBytes = 0;
  let offset = 0;
  const take = (): string => {
    const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    parts = [];
    partBytes = 0;
    const start = offset;
    offset += bytes.length + 1;
    const end = bytes.at(-1) === 0x0d ? bytes.length - 1 : bytes.length;
    const begin = start === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    try {
      return decoder.decode(bytes.subarray(begin, end));
    } catch {
      const message = `bytes that are not UTF-8 in the line that starts at byte ${start}`;
      if (decodeOther) return decodeOther(bytes.subarray(begin, end), message);
      throw new TypeError(message);
    }
  };
  const add = (part: Uint8Array): void => {
    partBytes += part.length;
    if (partBytes > maxLineBytes) throw new RangeError(`a line of more than ${maxLineBytes} bytes, which starts at byte ${offset}`);
    parts.push(part);
  };
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a, start); end !== -1; end = chunk.indexOf(0x0a, start)) {
      add(chunk.subarray(start, end));
      yield take();
      start = end + 1;
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (parts.length > 0) yield take();
}
