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


class OpenAIConfig(BaseModel):
    """OpenAI, or any server that speaks its Chat Completions API."""

    model_config = ConfigDict(extra="forbid")

    api_key: str = ""
    """Environment: OPENAI_API_KEY. May stay empty for a server of one's own that asks for none."""
    base_url: str = ""
    """Environment: OPENAI_BASE_URL. For example http://127.0.0.1:11434/v1 (Ollama). Empty: OpenAI itself."""
    small: str = ""
    """The model for quick judgements (should I answer?). Empty: `DEFAULT_SMALL`."""
    large: str = ""
    """The model that writes the answers. Empty: `DEFAULT_LARGE`."""
    embedding: str = ""
    """The model for embeddings. Empty: `DEFAULT_EMBEDDING`. Kept for a later feature."""
    timeout: float = Field(default=120.0, gt=0, le=3600)
    """Seconds without a single byte from the server after which a call is given up."""
    max_retries: int = Field(default=0, ge=0, le=10)
    """Repeats inside the client library; 0, because the host itself repeats and falls back."""

    @field_validator("api_key", "base_url", "small", "large", "embedding")
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
        """The model's name for `small` or `large`."""
        if size == "small":
            return self.small or DEFAULT_SMALL
        return self.large or DEFAULT_LARGE
