"""The settings of `[models.local_embeddings]`."""

from pydantic import BaseModel, ConfigDict, Field


class LocalEmbeddingsConfig(BaseModel):
    """A model for embeddings that runs in this process, from files on this machine."""

    model_config = ConfigDict(extra="forbid")

    folder: str = ""
    """The model's files: `tokenizer.json`, and `model.onnx` beside it or in `onnx/`. Empty: off.

    A path; absolute once loaded.
    """
    threads: int = Field(default=1, ge=1, le=64)
    """Processors that one text may use. The rest is for the conversations."""
    max_tokens: int = Field(default=256, ge=8, le=8192)
    """What is longer is cut at the end, as is what is longer than the model takes."""
