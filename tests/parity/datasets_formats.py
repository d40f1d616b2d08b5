"""Writes files of every format that datasets come in, with the libraries that people write them with, or by their specification: datasets_formats.py FOLDER.

The last line of output is what they hold.
"""

import bz2
import csv
import datetime
import gzip
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import zstandard
from docx import Document
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas

folder = Path(sys.argv[1])
rows = [{"text": f"Row {number} with ü, 日本 and 😀.\nSecond line \"quoted\", a comma.", "id": number} for number in range(5000)]
lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()

# Packed files and archives
(folder / "rows.jsonl.gz").write_bytes(gzip.compress(lines))
(folder / "rows.jsonl.bz2").write_bytes(bz2.compress(lines))
(folder / "streams.jsonl.bz2").write_bytes(b"".join(bz2.compress(lines[at : at + 50_000]) for at in range(0, len(lines), 50_000)))
(folder / "rows.jsonl.zst").write_bytes(zstandard.ZstdCompressor(write_checksum=True).compress(lines))
(folder / "frames.jsonl.zst").write_bytes(b"".join(zstandard.compress(lines[at : at + 50_000]) for at in range(0, len(lines), 50_000)))
for name, method in [("deflated.zip", zipfile.ZIP_DEFLATED), ("stored.zip", zipfile.ZIP_STORED), ("bzip2.zip", zipfile.ZIP_BZIP2)]:
    with zipfile.ZipFile(folder / name, "w", method) as archive:
        archive.writestr("part/rows.jsonl", lines)
with zipfile.ZipFile(folder / "zip64.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    with archive.open("part/rows.jsonl", "w", force_zip64=True) as member:
        member.write(lines)
for name, mode, form in [
    ("gnu.tar", "w", tarfile.GNU_FORMAT),
    ("pax.tar.gz", "w:gz", tarfile.PAX_FORMAT),
    ("ustar.tar.bz2", "w:bz2", tarfile.USTAR_FORMAT),
]:
    with tarfile.open(folder / name, mode, format=form) as archive:
        info = tarfile.TarInfo("part/" + ("" if form == tarfile.USTAR_FORMAT else "ü" * 120 + "/") + "rows.jsonl")
        info.size = len(lines)
        archive.addfile(info, io.BytesIO(lines))

# Tables
with open(folder / "rows.csv", "w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, ["text", "id"])
    writer.writeheader()
    writer.writerows(rows)
with open(folder / "excel.csv", "w", newline="", encoding="utf-8-sig") as file:
    writer = csv.DictWriter(file, ["text", "id"], delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
with open(folder / "rows.tsv", "w", newline="", encoding="utf-16") as file:
    writer = csv.DictWriter(file, ["text", "id"], dialect="excel-tab")
    writer.writeheader()
    writer.writerows(rows)

# Columns
table = pa.table(
    {
        "text": [row["text"] for row in rows],
        "id": pa.array([row["id"] for row in rows], pa.int64()),
        "kind": pa.array([["poem", "prose", None][row["id"] % 3] for row in rows]).dictionary_encode(),
    }
)
for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
    pq.write_table(table, folder / f"{codec}.parquet", compression=codec, row_group_size=1234)
pq.write_table(table, folder / "v2.parquet", data_page_version="2.0", write_page_index=True, data_page_size=4096)
nested = [
    {
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello 😀"}],
        "tags": ["a", None],
        "meta": {"when": datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.timezone.utc), "score": 0.5, "big": 2**60},
        "raw": b"\xff\x00",
        "missing": None,
    },
    {"messages": [], "tags": None, "meta": None, "raw": b"text", "missing": None},
]
nested_table = pa.Table.from_pylist(nested)
pq.write_table(nested_table, folder / "nested.parquet")
feather.write_feather(nested_table, folder / "nested.feather")
for codec in ["uncompressed", "lz4", "zstd"]:
    feather.write_feather(table, folder / f"{codec}.feather", compression=codec, chunksize=999)
with pa.ipc.new_stream(folder / "stream.arrow", table.schema) as writer:
    writer.write_table(table, max_chunksize=700)
with pa.ipc.new_file(folder / "large.arrow", pa.schema([("text", pa.large_string()), ("view", pa.string_view())])) as writer:
    writer.write_batch(pa.record_batch([pa.array(["one", None, "drei"], pa.large_string()), pa.array(["kurz", "a text too long for its view", None], pa.string_view())], ["text", "view"]))
feather.write_feather(table, folder / "first-version.feather", version=1)

# Documents
document = Document()
document.add_heading("A heading", 1)
document.add_paragraph("First paragraph with ü and 日本.")
document.add_paragraph("Second paragraph.")
cells = document.add_table(1, 2).rows[0].cells
cells[0].text, cells[1].text = "left cell", "right cell"
document.save(folder / "a.docx")

# An EPUB by its specification (W3C, EPUB 3.3): a zip archive whose first file, not packed, is its type; a container that names the package;
# a package that lists the files and, in its spine, their order. A library that writes them is either not for every licence or needs a program.
EPUB = {
    "META-INF/container.xml": """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>""",
    "EPUB/package.opf": """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:identifier id="id">urn:uuid:5a2ff4a4-8e0b-4b8f-9a7b-0d5c3f1c2b10</dc:identifier>
    <dc:title>A book</dc:title>
    <dc:language>en</dc:language>
    <meta property="dcterms:modified">2024-05-01T12:00:00Z</meta>
  </metadata>
  <manifest>
    <item id="second" href="text/chapter%202.xhtml" media-type="application/xhtml+xml"/>
    <item id="first" href="text/chapter%201.xhtml" media-type="application/xhtml+xml"/>
    <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
    <item id="style" href="style.css" media-type="text/css"/>
  </manifest>
  <spine><itemref idref="first"/><itemref idref="second"/></spine>
</package>""",
    "EPUB/nav.xhtml": """<?xml version="1.0" encoding="UTF-8"?>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title>Contents</title></head><body>
  <nav epub:type="toc"><ol><li><a href="text/chapter%201.xhtml">Chapter 1</a></li><li><a href="text/chapter%202.xhtml">Chapter 2</a></li></ol></nav>
</body></html>""",
    "EPUB/style.css": "h1 { font-weight: bold }",
} | {
    f"EPUB/text/chapter {number}.xhtml": f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>no text</title><link rel="stylesheet" href="../style.css"/></head>
<body><h1>Chapter {number}</h1><p>Words of chapter&#160;{number} &amp; more.</p></body></html>"""
    for number in (2, 1)
}
with zipfile.ZipFile(folder / "a.epub", "w", zipfile.ZIP_DEFLATED) as book:
    book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
    for name, content in EPUB.items():
        book.writestr(name, content)


def pdf(name: str, pages: list[list[str]]) -> None:
    page = canvas.Canvas(str(folder / name), pagesize=A4)
    for text in pages:
        for line, words in enumerate(text):
            page.drawString(72, 770 - 14 * line, words)
        page.rect(100, 100, 50, 50)
        page.showPage()
    page.save()


pdf("a.pdf", [["The first line ends with a hyphen-", "ated word. Well-", "Known names keep theirs.", "", "", "Another paragraph is cut by the pa-"], ["ge. The end."]])
pdf("pictures.pdf", [[], []])
locked = PdfWriter(clone_from=PdfReader(folder / "a.pdf"))
locked.encrypt("secret", algorithm="AES-256")
locked.write(folder / "locked.pdf")
owned = PdfWriter(clone_from=PdfReader(folder / "a.pdf"))
owned.encrypt("", "owner", algorithm="AES-128")
owned.write(folder / "owned.pdf")

# Encodings
texts = {
    "windows-1252": "Die Bären hörten schöne Grüße – „für Mädchen“ kostet es 5 €. ",
    "windows-1251": "Все люди рождаются свободными и равными в своём достоинстве и правах. Они наделены разумом и совестью. ",
    "shift_jis": "いろはにほへと ちりぬるを わかよたれそ つねならむ。漢字もあります。",
    "gb18030": "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。",
    "euc_kr": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다. ",
    "utf-16": "Grüße aus 日本 😀. ",
}
for encoding, text in texts.items():
    (folder / f"{encoding}.txt").write_bytes((text * 20).encode(encoding))
(folder / "declared.html").write_bytes(('<html><head><meta charset="windows-1251"></head><body><p>' + texts["windows-1251"] + "</p></body></html>").encode("windows-1251"))

print(json.dumps({"rows": rows, "texts": {name: text * 20 for name, text in texts.items()}}))
