"""A tiny embedding model as files: each known word has a vector, written as ONNX without the onnx package.

The format is protobuf: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

_FLOAT, _INT64 = 1, 7


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _value(name: str, kind: int, *axes: str | int) -> bytes:
    dims = b"".join(
        _bytes(1, _bytes(2, axis) if isinstance(axis, str) else _number(1, axis)) for axis in axes
    )
    tensor = _number(1, kind) + _bytes(2, dims)
    return _bytes(1, name) + _bytes(2, _bytes(1, tensor))


def gather(table: Sequence[Sequence[float]]) -> bytes:
    """A model that answers `input_ids` with rows of a table, one a token; it does not look at the mask."""
    rows, width = len(table), len(table[0])
    raw = b"".join(struct.pack(f"<{width}f", *row) for row in table)
    weights = _number(1, rows) + _number(1, width) + _number(2, _FLOAT) + _bytes(8, "table") + _bytes(9, raw)
    node = _bytes(1, "table") + _bytes(1, "input_ids") + _bytes(2, "last_hidden_state") + _bytes(4, "Gather")
    graph = (
        _bytes(1, node)
        + _bytes(2, "tiny")
        + _bytes(5, weights)
        + _bytes(11, _value("input_ids", _INT64, "batch", "tokens"))
        + _bytes(12, _value("last_hidden_state", _FLOAT, "batch", "tokens", width))
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, 13))


def write_model(folder: Path, words: Mapping[str, Sequence[float]], *, pooling: str = "mean") -> Path:
    """The files of a model that knows `words`; the first token, `[PAD]`, stands for all others too."""
    width = len(next(iter(words.values())))
    (folder / "onnx").mkdir(parents=True)
    (folder / "onnx" / "model.onnx").write_bytes(gather([[1000.0] * width, *words.values()]))
    vocabulary = {"[PAD]": 0, **{word: n for n, word in enumerate(words, 1)}}
    tokenizer = {
        "version": "1.0",
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[PAD]"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "1_Pooling").mkdir()
    modes = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens"}
    told = {f"pooling_mode_{key}": kind == pooling for kind, key in modes.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(told))
    return folder
