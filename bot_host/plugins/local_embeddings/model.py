"""The model itself. Imports onnxruntime and numpy (a second): load this module in a thread.

The files are those of sentence-transformers models with an ONNX export: `tokenizer.json`, `onnx/model.onnx`
(or beside it); where they are there, `1_Pooling/config.json` (how one vector is made of many) and
`sentence_bert_config.json` (how many tokens it takes).
https://sbert.net/docs/sentence_transformer/usage/efficiency.html
"""

import asyncio
import hashlib
import importlib
import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final
from weakref import WeakValueDictionary

from bot_host.plugin import ConfigError, ModelError, clean_text
from bot_host.plugins.local_embeddings.config import LocalEmbeddingsConfig

np: Any = importlib.import_module("numpy")
onnxruntime: Any = importlib.import_module("onnxruntime")
# One text a thread of ours: the library's own threads would take what `threads` leaves to others.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
tokenizers: Any = importlib.import_module("tokenizers")

AT_ONCE: Final = 8
"""Texts in one go. What a turn looks for waits for one go of the background at the most."""
_FILES: Final = ("onnx/model.onnx", "model.onnx", "onnx/model_quantized.onnx", "model_quantized.onnx")
_POOLINGS: Final = {"pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max"}
_lock: Final = threading.Lock()
_open: "WeakValueDictionary[tuple[str, int, int], LocalModel]" = WeakValueDictionary()


def open_model(config: LocalEmbeddingsConfig) -> "LocalModel":
    """The model of a folder; agents with the same one share it. Blocks. Raises ConfigError."""
    key = (config.folder, config.threads, config.max_tokens)
    with _lock:
        known = _open.get(key)
        if known is None:
            known = _open[key] = LocalModel(config)
        return known


class LocalModel:
    """One model and the thread that it works on."""

    def __init__(self, config: LocalEmbeddingsConfig) -> None:
        """Read its files. Blocks. Raises ConfigError that names what is missing or wrong."""
        self._folder = Path(config.folder)
        file = next((self._folder / name for name in _FILES if (self._folder / name).is_file()), None)
        words = self._folder / "tokenizer.json"
        if file is None or not words.is_file():
            missing = "tokenizer.json" if file is not None else "model.onnx, neither there nor in onnx/"
            raise ConfigError(f"models.local_embeddings.folder: {self._folder} has no {missing}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = config.threads, 1
        options.log_severity_level = 3
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(words))
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ConfigError(
                f"models.local_embeddings.folder: {self._folder} cannot be read: {_first_line(error)}"
            ) from error
        self._tokenizer.enable_truncation(min(config.max_tokens, self._longest()))
        self._tokenizer.no_padding()
        self._inputs = {each.name for each in self._session.get_inputs()}
        names = [each.name for each in self._session.get_outputs()]
        self._output = "sentence_embedding" if "sentence_embedding" in names else names[0]
        self._pooling = self._find_pooling()
        # The file's own fingerprint: another file in the same folder is another model.
        with file.open("rb") as opened:
            self.name = f"{self._folder.name}@{hashlib.file_digest(opened, 'sha256').hexdigest()[:8]}"
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="local embeddings")
        try:
            self.dimensions = len(self._encode(["ok"])[0])
        except ModelError as error:
            raise ConfigError(f"models.local_embeddings.folder: {error}") from error

    async def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts, each of length 1. Raises ModelError."""
        cleaned = [clean_text(text).strip() for text in texts]
        if not all(cleaned):
            raise ModelError("a text without words has no embedding")
        loop = asyncio.get_running_loop()
        found: list[list[float]] = []
        for start in range(0, len(cleaned), AT_ONCE):
            part = cleaned[start : start + AT_ONCE]
            found += await loop.run_in_executor(self._thread, self._encode, part)
        return found

    def _encode(self, texts: list[str]) -> list[list[float]]:
        tokens = [each.ids for each in self._tokenizer.encode_batch(texts)]
        longest = max(1, *map(len, tokens))
        ids = np.zeros((len(texts), longest), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        given = {name: value for name, value in given.items() if name in self._inputs}
        try:
            [answer] = self._session.run([self._output], given)
        except Exception as error:
            raise ModelError(f"{self._folder.name} fails: {_first_line(error)}") from error
        vectors = answer if answer.ndim == 2 else self._pooled(answer, mask)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        found_vectors: list[list[float]] = (vectors / np.maximum(lengths, 1e-12)).tolist()
        return found_vectors

    def _pooled(self, answer: Any, mask: Any) -> Any:
        """A text's vector of those of its tokens; the padding does not count."""
        if self._pooling == "cls":
            return answer[:, 0]
        weights = mask[:, :, None].astype(answer.dtype)
        if self._pooling == "max":
            return np.where(weights > 0, answer, -np.inf).max(axis=1)
        return (answer * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)

    def _longest(self) -> int:
        told = self._json("sentence_bert_config.json").get("max_seq_length")
        places = self._json("config.json").get("max_position_embeddings")
        return min((n for n in (told, places) if isinstance(n, int) and n > 0), default=512)

    def _find_pooling(self) -> str:
        told = self._json("1_Pooling/config.json")
        return next((kind for key, kind in _POOLINGS.items() if told.get(key)), "mean")

    def _json(self, name: str) -> dict[str, Any]:
        try:
            read = json.loads((self._folder / name).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigError(f"models.local_embeddings.folder: {name} cannot be read: {error}") from error
        return read if isinstance(read, dict) else {}


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
