"""What a file really is, by its first bytes. Pure.

After https://mimesniff.spec.whatwg.org, with the kinds that platforms carry. Reads at most 4 KiB.
"""

import re
from collections.abc import Collection
from typing import Final

UNKNOWN: Final = "application/octet-stream"
TEXT: Final = "text/plain"

_LOOKED_AT: Final = 4096
_STARTS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"%PDF-", "application/pdf"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"#!AMR", "audio/amr"),
    (b"MThd\x00\x00\x00\x06", "audio/midi"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\x7fELF", "application/x-executable"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_FTYP: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
}
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BINARY: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_COMMENT: Final = re.compile(rb"\s*(?:<!--.*?-->\s*|<\?xml.*?\?>\s*)*", re.DOTALL)
_HTML: Final = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|h1|div|font|table|a|style|title|b|br|p)[\s/>]",
    re.IGNORECASE,
)
_SVG: Final = re.compile(rb"(?:<!doctype\s+svg[^>]*>\s*)?<svg[\s>]", re.IGNORECASE)


def sniff(data: bytes) -> str:
    """The MIME type of `data`: text/plain for text without marks, application/octet-stream when unknown."""
    head = data[:_LOOKED_AT]
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    return _container(head) or _bare_audio(head) or _text(head)


def is_among(kind: str, types: Collection[str]) -> bool:
    """Whether `types` has `kind`, by its full name or as `image/*`."""
    return kind in types or f"{kind.partition('/')[0]}/*" in types


def _container(head: bytes) -> str:
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _FTYP.get(head[8:12], "video/mp4")
    if head[:4] == b"OggS":
        return "video/ogg" if b"\x80theora" in head[:128] else "audio/ogg"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00":
        return "image/bmp"
    return ""


def _bare_audio(head: bytes) -> str:
    """MPEG audio without a tag: 11 bits of sync, then version, layer, bit rate and sampling rate in use."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0 or head.startswith(_UTF16):
        return ""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, frequency = head[2] >> 4, head[2] >> 2 & 3
    if layer == 0:
        return "audio/aac" if head[1] & 0xF0 == 0xF0 else ""
    return "audio/mpeg" if version != 1 and rate not in (0, 15) and frequency != 3 else ""


def _text(head: bytes) -> str:
    if head.startswith(_UTF16):
        return TEXT
    if _BINARY.search(head):
        return UNKNOWN
    body = head.removeprefix(b"\xef\xbb\xbf")
    skipped = _COMMENT.match(body)
    start = body[skipped.end() :] if skipped else body
    if _SVG.match(start):
        return "image/svg+xml"
    if _HTML.match(start):
        return "text/html"
    return "text/xml" if body.lstrip().startswith(b"<?xml") else TEXT
