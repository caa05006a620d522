"""Opus in Ogg without an encoder: packets that are there already, in pages (RFC 3533, RFC 7845)."""

import struct
from collections.abc import Sequence
from typing import Final

FRAME: Final = 0xF8
"""The table of contents of one mono frame of 20 ms, CELT, full band (RFC 6716, 3.1)."""


def ogg_opus(packets: Sequence[bytes]) -> bytes:
    """A file of these packets, with its two headers."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 4) + b"test" + struct.pack("<I", 0)
    pages = [_page(0, 2, 0, [head]), _page(1, 0, 0, [tags])]
    for number, packet in enumerate(packets, 1):
        last = 4 if number == len(packets) else 0
        pages.append(_page(number + 1, last, 960 * number, [packet]))
    return b"".join(pages)


def _page(number: int, flags: int, position: int, packets: Sequence[bytes]) -> bytes:
    table = b"".join(b"\xff" * (len(each) // 255) + bytes([len(each) % 255]) for each in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 1, number, 0, len(table))
    page = head + table + b"".join(packets)
    return page[:22] + struct.pack("<I", _sum(page)) + page[26:]


def _sum(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7 if value & 0x80000000 else value << 1) & 0xFFFFFFFF
    return value
