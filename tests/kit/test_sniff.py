"""What files really are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_host.kit.sniff import is_among, sniff

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
SAMPLES = [
    (PNG, "image/png"),
    (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
    (b"BM\x36\x00\x00\x00\x00\x00\x00\x00", "image/bmp"),
    (b"BMW is a brand of cars", "text/plain"),
    (b"\x00\x00\x00\x20ftypavif", "image/avif"),
    (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
    (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
    (b"OggS\x00\x02" + bytes(22) + b"OpusHead", "audio/ogg"),
    (b"OggS\x00\x02" + bytes(22) + b"\x80theora", "video/ogg"),
    (b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm", "video/webm"),
    (b"ID3\x04", "audio/mpeg"),
    (b"\xff\xfb\x90\x64", "audio/mpeg"),
    (b"\xff\xf1\x50\x80", "audio/aac"),
    ("häuser".encode("utf-16"), "text/plain"),
    (b"fLaC", "audio/flac"),
    (b"%PDF-1.4", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"  \n<!-- x --><!DOCTYPE HTML>", "text/html"),
    (b"\xef\xbb\xbf<html>", "text/html"),
    (b"<?xml version='1.0'?><svg xmlns='x'>", "image/svg+xml"),
    (b"<?xml version='1.0'?><rss>", "text/xml"),
    (b"<body_of_evidence", "text/plain"),
    ("naïve".encode("latin-1"), "text/plain"),
    (b"", "text/plain"),
    (b"a\x00b", "application/octet-stream"),
    (b"<!--" * 1024, "text/plain"),
]


@pytest.mark.parametrize(("body", "kind"), SAMPLES)
def test_sniffing(body: bytes, kind: str) -> None:
    assert sniff(body) == kind


@given(st.binary(max_size=200))
def test_sniffing_never_fails(body: bytes) -> None:
    assert "/" in sniff(body)


def test_among() -> None:
    assert is_among("image/png", {"image/*"})
    assert is_among("image/png", {"text/html", "image/png"})
    assert not is_among("image/png", {"image/gif", "text/*"})
