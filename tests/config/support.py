"""Stand-in settings of platforms and plugins, and a short way to load."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot_host.config.load import load_config
from bot_host.config.schema import Loaded
from bot_host.contracts.connector_config import ConnectorConfig


class Chat(ConnectorConfig):
    token: str = ""
    api_base: str = ""

    @field_validator("api_base")
    @classmethod
    def _http(cls, value: str) -> str:
        if value and not value.startswith("http"):
            raise ValueError(f"must begin with http; found {value!r}")
        return value


class Work(ConnectorConfig):
    bot_token: str = ""
    app_token: str = ""
    signing_secret: str = ""


class Terminal(ConnectorConfig):
    pass


class Brain(BaseModel):
    model_config = ConfigDict(extra="forbid")

    api_key: str = ""
    base_url: str = ""
    large: str = ""
    retries: int = Field(default=0, ge=0, le=10)
    timeout: float = 120.0


def load(
    folder: Path,
    text: str | None = "",
    *,
    env: str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Loaded:
    """Load `text` as `folder`/config.toml; None: the file is not written."""
    path = folder / "config.toml"
    if text is not None:
        path.write_text(text, "utf-8")
    if env is not None:
        (folder / ".env").write_text(env, "utf-8")
        (folder / ".env").chmod(0o600)
    return load_config(
        path,
        overrides=overrides,
        environ=environ or {},
        connector_models={"discord": Chat, "slack": Work, "terminal": Terminal},
        plugin_models={"openai": Brain},
    )
