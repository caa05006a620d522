"""What is asked of a model, and what it answers."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, TypeAlias


class ModelType(StrEnum):
    """Kinds of models (elizaos.md 3.4-02)."""

    TEXT_SMALL = "TEXT_SMALL"
    TEXT_LARGE = "TEXT_LARGE"
    TEXT_EMBEDDING = "TEXT_EMBEDDING"
    TEXT_EMBEDDING_BATCH = "TEXT_EMBEDDING_BATCH"
    """Ours: the same for several texts in one request."""
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
    # elizaOS's other names of the same kinds.
    SMALL = "TEXT_SMALL"
    MEDIUM = "TEXT_LARGE"
    LARGE = "TEXT_LARGE"


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


OnRestart: TypeAlias = Callable[[], Awaitable[None]]
"""Told that the model begins again: what `OnChunk` was given does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest:
    """A text model's input."""

    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    on_chunk: OnChunk | None = None
    on_restart: OnRestart | None = None
    """None: what was shown cannot be taken back, so that a model that broke off is not asked again."""
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    seed: int | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    """Texts at which the model stops writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call used."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """US dollars; 0 when the price is not known."""


_used: ContextVar[list[tuple[str, Usage]] | None] = ContextVar("used", default=None)
_named: ContextVar[list[str] | None] = ContextVar("named", default=None)


def note_usage(usage: Usage, *, model: str = "") -> None:
    """For the handlers of models whose answer has no place for it: what a call used. Several notes add up."""
    noted = _used.get()
    if noted is not None:
        noted.append((model, usage))
    names = _named.get()
    if names is not None and model:
        names.append(model)


@contextmanager
def noted_usage() -> Iterator[list[tuple[str, Usage]]]:
    """Collects what is noted inside: model and usage, in order."""
    noted: list[tuple[str, Usage]] = []
    token = _used.set(noted)
    try:
        yield noted
    finally:
        _used.reset(token)


@contextmanager
def named_models() -> Iterator[list[str]]:
    """Collects the names of the models that are noted inside, however deep, in order."""
    names: list[str] = []
    token = _named.set(names)
    try:
        yield names
    finally:
        _named.reset(token)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextResult:
    """A text model's answer."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    model: str = ""


# Other kinds of models. A mapping with the same keys does as well (elizaos.md 2.10-13); see `REQUESTS`.


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """TEXT_EMBEDDING. Answer: `list[float]`."""

    text: str
    model: str = ""
    """Which of the provider's models; empty: the one that it is configured for. A provider that cannot choose
    answers with that one, and names it by `note_usage`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingBatchRequest:
    """TEXT_EMBEDDING_BATCH. Answer: a `list[float]` for each text, in their order."""

    texts: tuple[str, ...]
    model: str = ""
    """As in EmbeddingRequest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectRequest:
    """OBJECT_SMALL and OBJECT_LARGE. Answer: a dict that fits the schema."""

    prompt: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "object"})
    """JSON schema."""
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """IMAGE. Answer: a list of `{"url": …}`, a `data:` URL where the server sends the bytes."""

    prompt: str
    count: int = 1
    size: str = "1024x1024"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDescriptionRequest:
    """IMAGE_DESCRIPTION. Answer: `{"title": …, "description": …}`."""

    image_url: str
    """http(s) or `data:`."""
    prompt: str = "Describe this image in a few sentences, and give it a title."


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptionRequest:
    """TRANSCRIPTION. Answer: `str`."""

    audio: bytes
    file_name: str = "audio.ogg"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechRequest:
    """TEXT_TO_SPEECH. Answer: `bytes`."""

    text: str
    voice: str = ""
    format: str = "opus"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizeRequest:
    """TEXT_TOKENIZER_ENCODE. Answer: `list[int]`."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetokenizeRequest:
    """TEXT_TOKENIZER_DECODE. Answer: `str`."""

    tokens: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRequest:
    """AUDIO and VIDEO: generation of either. Answer: a list of `{"url": …}`."""

    prompt: str
    options: dict[str, Any] = field(default_factory=dict)


TEXT_TYPES: Final = frozenset(
    {
        ModelType.TEXT_SMALL,
        ModelType.TEXT_LARGE,
        ModelType.TEXT_REASONING_SMALL,
        ModelType.TEXT_REASONING_LARGE,
        ModelType.TEXT_COMPLETION,
    }
)
"""Asked with a TextRequest, answered with a TextResult; asked with `{"prompt": …}`, answered with a str."""

REQUESTS: Final[dict[ModelType, type[Any]]] = {
    **dict.fromkeys(TEXT_TYPES, TextRequest),
    ModelType.TEXT_EMBEDDING: EmbeddingRequest,
    ModelType.TEXT_EMBEDDING_BATCH: EmbeddingBatchRequest,
    ModelType.TEXT_TOKENIZER_ENCODE: TokenizeRequest,
    ModelType.TEXT_TOKENIZER_DECODE: DetokenizeRequest,
    ModelType.IMAGE: ImageRequest,
    ModelType.IMAGE_DESCRIPTION: ImageDescriptionRequest,
    ModelType.TRANSCRIPTION: TranscriptionRequest,
    ModelType.TEXT_TO_SPEECH: SpeechRequest,
    ModelType.AUDIO: MediaRequest,
    ModelType.VIDEO: MediaRequest,
    ModelType.OBJECT_SMALL: ObjectRequest,
    ModelType.OBJECT_LARGE: ObjectRequest,
}
"""What each kind of model is asked with."""
