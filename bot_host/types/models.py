"""What is asked of a model, and what it answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeAlias


class ModelType(StrEnum):
    """Kinds of models (elizaos.md 3.4-02)."""

    TEXT_SMALL = "TEXT_SMALL"
    TEXT_LARGE = "TEXT_LARGE"
    TEXT_EMBEDDING = "TEXT_EMBEDDING"
    TEXT_TOKENIZER_ENCODE = "TEXT_TOKENIZER_ENCODE"
    TEXT_TOKENIZER_DECODE = "TEXT_TOKENIZER_DECODE"
    TEXT_REASONING_SMALL = "REASONING_SMALL"
    TEXT_REASONING_LARGE = "REASONING_LARGE"
    TEXT_COMPLETION = "TEXT_COMPLETION"
    IMAGE = "IMAGE"
    IMAGE_DESCRIPTION = "IMAGE_DESCRIPTION"
    TRANSCRIPTION = "TRANSCRIPTION"
    TEXT_TO_SPEECH = "TEXT_TO_SPEECH"
    AUDIO = "AUDIO"
    VIDEO = "VIDEO"
    OBJECT_SMALL = "OBJECT_SMALL"
    OBJECT_LARGE = "OBJECT_LARGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model wants an action run."""

    id: str
    name: str
    arguments: str
    """JSON text, as the model wrote it: not yet checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    name: str | None = None
    """Who spoke, in rooms of several people."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """An action as it is offered to the model."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of an object."""


OnChunk: TypeAlias = Callable[[str], Awaitable[None]]
"""Receives each piece of text as the model writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest:
    """A text model's input."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    on_chunk: OnChunk | None = None
    max_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call used."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """US dollars; 0 when the price is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextResult:
    """A text model's answer."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    model: str = ""
