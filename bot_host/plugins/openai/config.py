"""The settings of `[models.openai]`."""

from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

OPENAI_URL: Final = "https://api.openai.com/v1"

DEFAULT_SMALL: Final = "gpt-6-luna"
"""OpenAI's high-volume tier: 0.10 / 0.50 US dollars a million tokens in / out (September 2026)."""
DEFAULT_LARGE: Final = "gpt-6.1-terra"
"""OpenAI's fast middle tier: 1 / 5 US dollars a million tokens in / out (October 2026).

Chosen over gpt-6.2-sol because actions are offered as function tools over Chat Completions, where OpenAI
takes tools only together with `reasoning_effort: none`; the 6.2 models refuse that value.
"""
DEFAULT_EMBEDDING: Final = "text-embedding-3-small"
DEFAULT_IMAGE: Final = "gpt-image-2.6-flare"
"""OpenAI's fast tier for pictures (November 2026); all before 2.5 are shut down by December 2026."""
DEFAULT_TRANSCRIPTION: Final = "gpt-transcribe"
"""The only one of OpenAI's that has no shutdown date; the others end on 2027-02-26.

There is no default for speech: all of OpenAI's models for `/v1/audio/speech` (gpt-4o-mini-tts, tts-1,
tts-1-hd) are shut down on 2027-01-06, and what it recommends instead does not serve that endpoint.
https://developers.openai.com/api/docs/deprecations
"""
DEFAULT_VOICE: Final = "alloy"

_FALL_BACK: Final = {"reasoning_small": "large", "reasoning_large": "large", "vision": "small"}
_DEFAULTS: Final = {"small": DEFAULT_SMALL, "large": DEFAULT_LARGE}
_AT_OPENAI: Final = {
    "embedding": DEFAULT_EMBEDDING,
    "image": DEFAULT_IMAGE,
    "transcription": DEFAULT_TRANSCRIPTION,
}

SETTINGS: Final = {
    "OPENAI_API_KEY": "api_key",
    "OPENAI_SMALL_MODEL": "small",
    "OPENAI_LARGE_MODEL": "large",
    "OPENAI_EMBEDDING_MODEL": "embedding",
    "OPENAI_IMAGE_DESCRIPTION_MODEL": "vision",
    "OPENAI_IMAGE_MODEL": "image",
    "OPENAI_TRANSCRIPTION_MODEL": "transcription",
    "OPENAI_TTS_MODEL": "speech",
    "OPENAI_TTS_VOICE": "voice",
}
"""elizaOS's names for what an agent's settings or secrets may say of its models, and our keys.

Not the base URL: a character file from a stranger would send the admin's key and all talk to a server of his.
`OPENAI_BASE_URL` is read from the environment and from the settings that code gives.
https://docs.elizaos.ai/plugins/llm/openai
"""


class Price(BaseModel):
    """What a model costs, in US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid")

    input: float = Field(default=0.0, ge=0)
    output: float = Field(default=0.0, ge=0)


class OpenAIConfig(BaseModel):
    """OpenAI, or any server that speaks its Chat Completions API."""

    model_config = ConfigDict(extra="forbid")

    api_key: str = ""
    """Environment: OPENAI_API_KEY. May stay empty for a server of one's own that asks for none."""
    base_url: str = ""
    """Environment: OPENAI_BASE_URL. For example http://127.0.0.1:11434/v1 (Ollama). Empty: OpenAI itself."""
    small: str = ""
    """The model for quick judgements. Empty: `DEFAULT_SMALL` at OpenAI, as `large` at other servers."""
    large: str = ""
    """The model that writes the answers. Empty: `DEFAULT_LARGE`."""
    embedding: str = ""
    """The model for embeddings. Empty: `DEFAULT_EMBEDDING` at OpenAI, none at other servers."""
    reasoning_small: str = ""
    """The model for REASONING_SMALL. Empty: as `large`."""
    reasoning_large: str = ""
    """The model for REASONING_LARGE. Empty: as `large`."""
    vision: str = ""
    """The model that looks at pictures. Empty: as `small`."""
    image: str = ""
    """The model that makes pictures. Empty: `DEFAULT_IMAGE` at OpenAI, none at other servers."""
    transcription: str = ""
    """The model that listens. Empty: `DEFAULT_TRANSCRIPTION` at OpenAI, none at other servers."""
    speech: str = ""
    """The model that speaks. Empty: none (see `DEFAULT_TRANSCRIPTION` for why)."""
    voice: str = DEFAULT_VOICE
    """The voice that it speaks with."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """By model name, for the cost of a call. Without one it is what the server says, else 0: not known."""
    context_tokens: int = Field(default=0, ge=0)
    """What fits into a model at once, question and answer, in tokens. 0: known by its name, else 32,768."""
    contexts: dict[str, int] = Field(default_factory=dict)
    """The same by model name."""
    timeout: float = Field(default=120.0, gt=0, le=3600)
    """Seconds without a single byte from the server after which a call is given up."""
    max_retries: int = Field(default=0, ge=0, le=10)
    """Repeats inside the client library; 0, because the host itself repeats and falls back."""

    @field_validator(
        "api_key",
        "base_url",
        "small",
        "large",
        "embedding",
        "reasoning_small",
        "reasoning_large",
        "vision",
        "image",
        "transcription",
        "speech",
        "voice",
    )
    @classmethod
    def _strip(cls, value: str) -> str:
        return value.strip()

    @field_validator("base_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if value:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("must be an address like http://127.0.0.1:11434/v1")
            if parts.username or parts.password:
                raise ValueError("must not hold a user or password: the key goes into api_key")
        return value.rstrip("/")

    @property
    def is_set(self) -> bool:
        """Whether there is anything to talk to."""
        return bool(self.api_key or self.base_url)

    @property
    def url(self) -> str:
        """Where requests go."""
        return self.base_url or OPENAI_URL

    @property
    def key(self) -> str:
        """What is sent as the key: the library wants one even where the server does not."""
        return self.api_key or "none"

    @property
    def place(self) -> str:
        """The server as it may be shown: without user, password and query."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname}{port}"

    @property
    def is_openai(self) -> bool:
        """Whether the server is OpenAI's own."""
        return (urlsplit(self.url).hostname or "").endswith("api.openai.com")

    def name_of(self, size: str) -> str:
        """The model's name for a key of this table (`small`, `image` …); empty where there is none."""
        given = str(getattr(self, size))
        if size == "small" and not given and not self.is_openai and self.large:
            return self.large
        if given or size not in _FALL_BACK:
            return given or _DEFAULTS.get(size, "") or (_AT_OPENAI.get(size, "") if self.is_openai else "")
        return self.name_of(_FALL_BACK[size])

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float | None:
        """US dollars; None when `prices` does not have the model."""
        price = self.prices.get(model)
        if price is None:
            return None
        return (prompt_tokens * price.input + completion_tokens * price.output) / 1_000_000
