"""Run as `python -m bot_host.kit.reading.worker`: reads a document, writes its fragments.

Standard input is the document, as a file that can be gone through twice. Standard output is a JSON object on
each line: `{"path", "text", "overlap"}` for a fragment, at last `{"end": true, "title", "kind"}`, or
`{"error"}` with the reason in words.

A process of its own, because a document of a stranger's may be made to take all time and memory that there
is; and because reading a large one takes seconds of processor time, in which nobody would be answered.
"""

import codecs
import csv
import importlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import BinaryIO, Final

from bot_host.kit.reading import office
from bot_host.kit.reading.blocks import Block, BlockKind, markdown_blocks, place, text_blocks
from bot_host.kit.reading.data import csv_blocks, json_blocks
from bot_host.kit.reading.html import html_blocks
from bot_host.kit.reading.office import Unreadable
from bot_host.kit.reading.pack import fragments
from bot_host.kit.sniff import UNKNOWN, sniff

LINE: Final = 65_536
"""Characters that are read at a time: a line may have any length."""
JSON_BYTES: Final = 32 * 1024 * 1024
"""JSON is read as a whole."""
_OLD_OFFICE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OFFICE: Final[dict[str, Callable[[BinaryIO], Iterator[Block]]]] = {
    "docx": office.docx_blocks,
    "xlsx": office.xlsx_blocks,
    "pptx": office.pptx_blocks,
    "odt": office.odt_blocks,
}
_NAMED: Final = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".xlsx": "xlsx",
    ".pptx": "pptx",
    ".odt": "odt",
    ".ods": "odt",
    ".odp": "odt",
}
"""Endings that promise something. What others promise is text, and text is what it is."""
_MARKDOWN: Final = frozenset({".md", ".markdown", ".mdown", ".mkd", ".mdx"})


class _Document:
    def __init__(self, file: BinaryIO, name: str, said: str) -> None:
        """`said`: the type as a server says it, where one does."""
        self.file = file
        self.suffix = PurePath(name).suffix.lower()
        self.said = said
        self.title = ""
        self.kind = ""

    def blocks(self) -> Iterator[Block]:
        """All of it, in order. Raises Unreadable."""
        head = self.file.read(4096)
        self.file.seek(0)
        if not head:
            raise Unreadable("it is empty")
        kind = sniff(head)
        if head.startswith(_OLD_OFFICE):
            raise Unreadable(
                "it is an Office document of the old kind, or locked: save it as .docx, .xlsx, .pptx"
            )
        if kind == "application/zip":
            self.kind = office.kind_of_archive(self.file)
        elif kind == "application/pdf":
            self.kind = "pdf"
        elif kind.startswith("text/"):
            self.kind = "html" if kind == "text/html" else "text"
        elif not head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            if kind == UNKNOWN:
                raise Unreadable("it is neither text nor a kind of document that is read")
            raise Unreadable(f"it is {kind}, which is not read as knowledge")
        else:
            self.kind = "text"
        self._check_name()
        if self.kind == "pdf":
            return _pdf_blocks(self.file)
        if self.kind in _OFFICE:
            return _OFFICE[self.kind](self.file)
        if self.kind not in ("html", "text"):
            raise Unreadable(f"it is an archive ({self.kind or 'ZIP'}): unpack it first")
        return self._text_blocks(head)

    def _check_name(self) -> None:
        promised = _NAMED.get(self.suffix)
        if promised is not None and promised != self.kind:
            real = {"html": "HTML", "text": "text", "pdf": "a PDF", "": "a ZIP archive"}.get(
                self.kind, f"a document of the kind {self.kind}"
            )
            raise Unreadable(f"its name ends in {self.suffix}, but it is {real}: give it its right name")

    def _text_blocks(self, head: bytes) -> Iterator[Block]:
        if head.startswith(b"{\\rtf"):
            raise Unreadable("it is RTF: save it as .docx or PDF")
        lines = _lines(self.file)
        if self.kind == "html" or "html" in self.said:
            self.kind = "html"
            self.title, blocks = html_blocks(lines)
            return blocks
        if self.suffix in (".csv", ".tsv") or self.said in ("text/csv", "text/tab-separated-values"):
            self.kind = "csv"
            return csv_blocks(lines)
        if self.suffix in (".json", ".jsonl", ".ndjson") or self.said.endswith("json"):
            self.kind = "json"
            return json_blocks(_all(lines))
        if self.suffix in _MARKDOWN or self.said == "text/markdown":
            self.kind = "markdown"
            return markdown_blocks(lines)
        return text_blocks(lines)


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines with their ends, or pieces of very long ones. UTF-8 and what a mark says; else Windows-1252."""
    reader = io.TextIOWrapper(file, encoding=_encoding(file), errors="replace")
    while line := reader.readline(LINE):
        yield line.replace("\x00", "")


def _encoding(file: BinaryIO) -> str:
    head = file.read(4)
    file.seek(0)
    for mark, name in _MARKS:
        if head.startswith(mark) and not (name == "utf-16" and head == codecs.BOM_UTF32_LE):
            return name
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := file.read(LINE):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8"


def _all(lines: Iterator[str]) -> str:
    held, size = list[str](), 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > JSON_BYTES:
            raise Unreadable(f"it is JSON of more than {JSON_BYTES // 1024**2} MB")
    return "".join(held)


def _pdf_blocks(file: BinaryIO) -> Iterator[Block]:
    try:
        pypdf = importlib.import_module("pypdf")
    except ImportError:
        raise Unreadable("reading PDFs needs the package pypdf") from None
    reader = pypdf.PdfReader(file)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("it is locked by a password")
    found = False
    for number, page in enumerate(reader.pages, 1):
        text = page.extract_text().strip()
        if not text:
            continue
        found = True
        yield place(f"Page {number}")
        yield from text_blocks(text.splitlines())
    if not found:
        raise Unreadable("it is a PDF of pictures, without text")


def _say(**told: object) -> None:
    line = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
    sys.stdout.buffer.write(line + b"\n")


def _bound(seconds: int, memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's time limit has to do
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(name: str, said: str, seconds: int, memory: int) -> int:
    """Read standard input, in `seconds` of processor time and `memory` bytes."""
    _bound(seconds, memory)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    document = _Document(sys.stdin.buffer, name, said)
    try:
        for fragment in fragments(_titled(document)):
            _say(path=fragment.path, text=fragment.text, overlap=fragment.overlap)
    except Unreadable as error:
        _say(error=str(error))
        return 2
    except MemoryError:
        _say(error="reading it takes too much memory")
        return 2
    except json.JSONDecodeError as error:
        _say(error=f"it is broken JSON: {error.msg} (at line {error.lineno}, column {error.colno})")
        return 2
    except csv.Error as error:
        _say(error=f"it is no CSV that can be read: {error}")
        return 2
    except BrokenPipeError:  # enough for whoever reads it
        return 0
    except Exception as error:  # noqa: BLE001 - the libraries' errors for broken documents are of all kinds
        _say(error=f"it is broken ({type(error).__name__})")
        return 2
    _say(end=True, title=document.title, kind=document.kind)
    return 0


def _titled(document: _Document) -> Iterator[Block]:
    """The blocks; on the way the first heading of a text becomes its title, where it has none."""
    for block in document.blocks():
        if not document.title and block.kind is BlockKind.HEADING and block.text:
            document.title = block.title[:200]
        yield block


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
