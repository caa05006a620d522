"""Office documents as blocks. The libraries come with `bot-host[knowledge]`, and are loaded when needed."""

import importlib
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO, Final
from xml.etree import ElementTree

from bot_host.kit.reading.blocks import Block, BlockKind, heading, place, table
from bot_host.kit.reading.html import html_blocks

MEMBERS: Final = 10_000
"""Files in a document's archive."""
UNPACKED: Final = 400 * 1024 * 1024
"""Bytes of all of them."""
REPEATED: Final = 100
"""Cells that OpenDocument may write as one; the empty rest of a row is written so."""

_OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_DRAW: Final = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"


class Unreadable(Exception):
    """The message says why, in words for anybody."""


def kind_of_archive(file: BinaryIO) -> str:
    """What a ZIP archive is: `docx`, `xlsx`, `pptx`, `odt`, or nothing known. Raises Unreadable."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            names = {entry.filename for entry in entries}
            if len(entries) > MEMBERS or sum(entry.file_size for entry in entries) > UNPACKED:
                raise Unreadable("it unpacks to more than is read")
            if "mimetype" in names:
                said = archive.read("mimetype")[:100].decode("ascii", "replace")
                return "odt" if said.startswith("application/vnd.oasis.opendocument.") else said.strip()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError, RuntimeError):
        raise Unreadable("it is broken, or locked by a password") from None
    finally:
        file.seek(0)
    known = {"word/document.xml": "docx", "xl/workbook.xml": "xlsx", "ppt/presentation.xml": "pptx"}
    return next((kind for name, kind in known.items() if name in names), "")


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Unreadable(
            "reading Office documents needs further packages: install bot-host[knowledge]"
        ) from None


def docx_blocks(file: BinaryIO) -> Iterator[Block]:
    """Word, by mammoth: headings by their styles, lists, tables; no pictures."""
    mammoth = _load("mammoth")
    made = mammoth.convert_to_html(file, convert_image=mammoth.images.img_element(lambda image: {"src": ""}))
    _, blocks = html_blocks([made.value])
    return blocks


def xlsx_blocks(file: BinaryIO) -> Iterator[Block]:
    """Excel, by openpyxl: each sheet with its rows; of formulas what they last came to."""
    openpyxl = _load("openpyxl")
    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    for sheet in book.worksheets:
        # What the file says about its size may be anything.
        sheet.reset_dimensions()
        rows = ([_cell(value) for value in values] for values in sheet.iter_rows(values_only=True))
        first = True
        for block in table(_trimmed(rows)):
            if first:
                yield heading(str(sheet.title), 1)
                first = False
            yield block


def _trimmed(rows: Iterable[list[str]]) -> Iterator[list[str]]:
    for cells in rows:
        while cells and not cells[-1]:
            cells.pop()
        yield cells


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def pptx_blocks(file: BinaryIO) -> Iterator[Block]:
    """PowerPoint, by python-pptx: each slide with its title, texts, tables and notes."""
    for number, slide in enumerate(_load("pptx").Presentation(file).slides, 1):
        title = slide.shapes.title
        name = " ".join(title.text_frame.text.split()) if title is not None else ""
        yield heading(name, 1) if name else place(f"Slide {number}")
        for shape in slide.shapes:
            if title is None or shape.shape_id != title.shape_id:
                yield from _shape(shape)
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            yield Block(text=f"Notes: {notes.text.strip()}")


def _shape(shape: Any) -> Iterator[Block]:
    if getattr(shape, "shapes", None) is not None:
        for inner in shape.shapes:
            yield from _shape(inner)
    elif getattr(shape, "has_table", False):
        yield from table([[cell.text for cell in row.cells] for row in shape.table.rows])
    elif getattr(shape, "has_text_frame", False) and shape.text_frame.text.strip():
        yield Block(text=shape.text_frame.text.strip().replace("\x0b", "\n"))


def odt_blocks(file: BinaryIO) -> Iterator[Block]:
    """OpenDocument: texts, sheets and slides. Entities that blow up are refused by expat itself (2.4.1)."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open("content.xml") as content:
            root = ElementTree.parse(content).getroot()
    except (KeyError, ElementTree.ParseError):
        raise Unreadable("it is broken") from None
    body = root.find(f"{_OFFICE}body")
    if body is not None:
        yield from _odt(body)


def _odt(element: ElementTree.Element) -> Iterator[Block]:
    for child in element:
        if child.tag == f"{_TEXT}h":
            level = child.get(f"{_TEXT}outline-level", "1")
            text = _odt_text(child)
            if text:
                yield heading(text, min(6, max(1, int(level))) if level.isdecimal() else 1)
        elif child.tag == f"{_TEXT}p":
            if text := _odt_text(child):
                yield Block(text=text)
        elif child.tag == f"{_TEXT}list-item":
            text = " ".join(block.text for block in _odt(child))
            if text:
                yield Block(kind=BlockKind.ITEM, text=f"- {text}")
        elif child.tag == f"{_TABLE}table":
            if name := child.get(f"{_TABLE}name"):
                yield place(name)
            yield from table(_odt_rows(child))
        elif child.tag == f"{_DRAW}page":
            yield place(child.get(f"{_DRAW}name") or "Slide")
            yield from _odt(child)
        elif not child.tag.endswith(("tracked-changes", "annotation", "sequence-decls", "forms")):
            yield from _odt(child)


def _odt_rows(found: ElementTree.Element) -> Iterator[list[str]]:
    for line in found.iter(f"{_TABLE}table-row"):
        cells: list[str] = []
        for cell in line.iter(f"{_TABLE}table-cell"):
            times = cell.get(f"{_TABLE}number-columns-repeated", "1")
            text = " ".join(_odt_text(part) for part in cell.iter(f"{_TEXT}p"))
            cells += [text] * (min(REPEATED, int(times)) if times.isdecimal() else 1)
        yield from _trimmed([cells])


def _odt_text(element: ElementTree.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        if child.tag in (f"{_TEXT}s", f"{_TEXT}tab"):
            parts.append(" ")
        elif child.tag == f"{_TEXT}line-break":
            parts.append("\n")
        elif not child.tag.endswith(("annotation", "note")):
            parts.append(_odt_text(child))
        parts.append(child.tail or "")
    return "".join(parts).strip() if element.tag in (f"{_TEXT}p", f"{_TEXT}h") else "".join(parts)
