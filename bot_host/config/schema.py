"""Every key of the config file, with its default. Units stand in the names or in the docstrings."""

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.kit.clock import utc_now
from bot_host.kit.cron import cron_times, zone_of
from bot_host.kit.names import did_you_mean
from bot_host.types.ids import is_uuid
from bot_host.types.outbound import Target

LOG_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_LEVEL_ALIASES: Final = {"trace": "debug", "verbose": "debug", "warn": "warning", "fatal": "critical"}
DATABASE_FILE: Final = "bot_host.db"
SQLITE: Final = "sqlite:///"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class HostConfig(_Table):
    """`[host]`."""

    data_dir: str = "data"
    """Folder for database, media and logs; absolute once loaded."""
    log_level: str = "info"
    """LOG_LEVEL."""

    @field_validator("data_dir")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("expected a folder")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        level = _LEVEL_ALIASES.get(value.strip().lower(), value.strip().lower())
        if level not in LOG_LEVELS:
            raise ValueError("expected one of " + ", ".join(f'"{known}"' for known in LOG_LEVELS))
        return level


class DatabaseConfig(_Table):
    """`[database]`."""

    url: str = f"{SQLITE}data/{DATABASE_FILE}"
    """DATABASE_URL. A SQLite path is absolute once loaded; without the key it lies in `host.data_dir`."""

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, value: str) -> str:
        scheme, found, rest = value.strip().partition("://")
        good = found and (
            (scheme == "sqlite" and rest.startswith("/") and len(rest) > 1)
            or (scheme.split("+")[0] in ("postgresql", "postgres") and rest)
        )
        if not good:
            raise ValueError("expected sqlite:///path/to/file.db or postgresql://user:password@host/name")
        return value.strip()

    @property
    def sqlite_path(self) -> Path | None:
        """The file of a SQLite URL; None for PostgreSQL and for `sqlite:///:memory:`."""
        path = self.url.removeprefix(SQLITE)
        return Path(path) if self.url.startswith(SQLITE) and not self.in_memory else None

    @property
    def in_memory(self) -> bool:
        """Whether it ends with the host."""
        return self.url == f"{SQLITE}:memory:"


class WebConfig(_Table):
    """`[web]`."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=3000, ge=0, le=65535)
    """API_PORT. 0: any free one."""
    token: str = ""
    """Needed when `host` is not a loopback address."""
    public_url: str = ""
    """Where platforms that call the host (webhooks) reach it; empty: at its own address."""
    prompts: int = Field(default=200, ge=0, le=10_000)
    """Turns of each agent whose prompts the console can show; in memory alone, for a day at the most."""

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        address = value.strip().rstrip("/")
        try:
            parts = urlsplit(address)
            named = bool(parts.hostname) and parts.port != 0
        except ValueError:
            named = False
        if address and not (
            named
            and parts.scheme in ("http", "https")
            and not (parts.query or parts.fragment or "@" in address)
        ):
            raise ValueError("expected an address like https://bots.example.org")
        return address

    @model_validator(mode="after")
    def _guarded(self) -> "WebConfig":
        if self.enabled and not self.token and not is_loopback(self.host):
            raise ValueError("web.token: expected a token, because web.host is not a loopback address")
        return self


class RetentionConfig(_Table):
    """`[retention]`: days; 0: for ever. What each means: `bot_host.types.retention.Retention`."""

    messages: int = Field(default=0, ge=0)
    facts: int = Field(default=0, ge=0)
    runs: int = Field(default=90, ge=0)
    steps: int = Field(default=30, ge=1, le=30)
    logs: int = Field(default=90, ge=0)
    audit: int = Field(default=0, ge=0)
    inbox: int = Field(default=90, ge=0)
    outbox: int = Field(default=90, ge=0)
    cache: int = Field(default=0, ge=0)
    media: int = Field(default=1, ge=1)
    hour: int = Field(default=3, ge=0, le=23)

    @field_validator("inbox")
    @classmethod
    def _outlives_redeliveries(cls, value: int) -> int:
        if 0 < value < 7:
            raise ValueError("expected 0 or at least 7: by these rows a repeated delivery is known")
        return value


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host.strip().lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip().strip("[]")).is_loopback
    except ValueError:
        return False


class RateConfig(_Table):
    """`messages_per_minute` of `[agents.limits]`; 0: no limit."""

    entity: int = Field(default=0, ge=0)
    room: int = Field(default=0, ge=0)


class LimitsConfig(_Table):
    """`[agents.limits]`; 0: no limit."""

    messages_per_minute: RateConfig = Field(default_factory=RateConfig)
    tokens_per_day: int = Field(default=0, ge=0)
    cost_per_day: float = Field(default=0.0, ge=0)
    """US dollars."""


class PermissionsConfig(_Table):
    """`[agents.permissions]`: who may use what, instead of what its author wants."""

    actions: dict[str, Literal["owner", "admin", "everyone", "nobody"]] = Field(default_factory=dict)
    commands: dict[str, Literal["owner", "admin", "everyone", "nobody"]] = Field(default_factory=dict)


def _check_target(target: dict[str, str]) -> None:
    known = [name for name in Target.__dataclass_fields__ if name != "extra"]
    for key in target:
        if key not in known:
            raise ValueError(f"target has no {key}{did_you_mean(key, known)}; it has {', '.join(known)}")
    if target and not target.get("source"):
        raise ValueError('target needs a source, such as "discord"')


class ScheduleConfig(_Table):
    """One `[[agents.schedules]]`."""

    cron: str = ""
    every: int = Field(default=0, ge=0)
    """Seconds."""
    time_zone: str = "UTC"
    room: str = ""
    target: dict[str, str] = Field(default_factory=dict)
    prompt: str = ""
    text: str = ""
    misfire: Literal["once", "skip", "all"] = "once"

    @model_validator(mode="after")
    def _one_of_each(self) -> "ScheduleConfig":
        if bool(self.cron) == bool(self.every):
            raise ValueError("expected either cron or every")
        if bool(self.room) == bool(self.target):
            raise ValueError("expected either room or target")
        if bool(self.prompt) == bool(self.text):
            raise ValueError("expected either prompt or text")
        _check_target(self.target)
        zone_of(self.time_zone)
        if self.cron and next(cron_times(self.cron, self.time_zone, utc_now()), None) is None:
            raise ValueError(f'cron "{self.cron}" never comes')
        return self


class MediaConfig(_Table):
    """`[agents.media]`: what is read of the files that people send, when their message is answered."""

    describe: bool = True
    """Pictures are described by the model that looks at pictures."""
    transcribe: bool = True
    """Voice messages, sound and the sound of videos are put into words by the model that listens."""
    read: bool = True
    """Text and PDF."""
    max_bytes: int = Field(default=20_000_000, ge=1, le=100_000_000)
    """Of one file."""
    max_seconds: int = Field(default=900, ge=1)
    """Of sound and videos."""
    max_files: int = Field(default=8, ge=1, le=50)
    """In one turn."""
    max_characters: int = Field(default=20_000, ge=100, le=200_000)
    """Of a document's text, or of what was said, in the prompt."""


class SummariesConfig(_Table):
    """`[agents.summaries]`: what is kept in mind of long conversations."""

    enabled: bool = True
    """What does not stand in the prompt any more is summarised by the small model, in the background."""


class KnowledgeConfig(_Table):
    """`[agents.knowledge]`: how files, folders and addresses that the agent is to know are read and shown."""

    check_seconds: int = Field(default=300, ge=1)
    """How often files are looked at."""
    url_hours: int = Field(default=24, ge=1)
    """How often addresses are read again."""
    max_bytes: int = Field(default=50_000_000, ge=1, le=500_000_000)
    """Of one file or address."""
    max_files: int = Field(default=2_000, ge=1, le=20_000)
    """Of one folder."""
    results: int = Field(default=6, ge=1, le=50)
    """Passages in a prompt."""
    tokens: int = Field(default=2_000, ge=100, le=100_000)
    """Of all of them together, about."""
    allow_hosts: list[str] = Field(default_factory=list)
    """Hosts that are not on the public internet and may be read all the same."""


class AgentConfig(_Table):
    """One `[[agents]]`."""

    character: str = ""
    """Path of the character file, absolute once loaded; empty: the one that comes with Bot Host."""
    id: str = ""
    """AGENT_ID. Empty: the character file's, or the one made from its name."""
    plugins: list[str] = Field(default_factory=list)
    busy_mode: Literal["queue", "latest", "each"] = "queue"
    debounce_ms: int = Field(default=0, ge=0)
    max_steps: int = Field(default=6, ge=1)
    """Model and tool rounds in one turn."""
    turn_timeout: float = Field(default=300, gt=0)
    """Seconds."""
    stop_words: list[str] = Field(default_factory=list)
    limits: LimitsConfig = Field(default_factory=LimitsConfig)
    permissions: PermissionsConfig = Field(default_factory=PermissionsConfig)
    media: MediaConfig = Field(default_factory=MediaConfig)
    summaries: SummariesConfig = Field(default_factory=SummariesConfig)
    knowledge: KnowledgeConfig = Field(default_factory=KnowledgeConfig)
    schedules: list[ScheduleConfig] = Field(default_factory=list)

    @field_validator("id")
    @classmethod
    def _uuid(cls, value: str) -> str:
        if value and not is_uuid(value):
            raise ValueError("expected a UUID such as b850bc30-45f8-0041-a00a-83df46d8555d")
        return value


class ModelsConfig(_Table):
    """`[models]` without its plugins' tables."""

    provider: str = "auto"
    """`auto`: openai if it has a key or a base_url, else offline."""
    embedding: str = "auto"
    """Which plugin makes vectors; `auto`: the provider if it can, else local_embeddings; `off`: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """`[models]`, with each plugin's checked table by the plugin's name."""

    provider: str = "auto"
    embedding: str = "auto"
    tables: dict[str, BaseModel] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorEntry:
    """One account to connect."""

    table: str
    """As the file has it: `connectors.discord`, or `connectors.discord[2]` for the second of several."""
    platform: str
    config: ConnectorConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration, checked, paths absolute."""

    host: HostConfig
    database: DatabaseConfig
    web: WebConfig
    retention: RetentionConfig = field(default_factory=RetentionConfig)
    models: Models
    plugins: dict[str, BaseModel] = field(default_factory=dict)
    """`[plugins.NAME]`: each plugin's checked table, by the plugin's name."""
    agents: list[AgentConfig]
    """At least one."""
    connectors: list[ConnectorEntry]
    """At least one for each known platform, in the order of the file, then of the registered platforms."""
    environment: Literal["development", "production"]
    """BOT_HOST_ENV or NODE_ENV."""

    @property
    def data_dir(self) -> Path:
        """`host.data_dir` as a path."""
        return Path(self.host.data_dir)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A configuration, and where each value came from."""

    config: Config
    sources: dict[str, str]
    """Dotted key to `command line`, `environment NAME`, `.env`, the file's name, or `default`."""
    folder: Path
    """Relative paths count from here: the config file's folder, or the current one."""
    file: Path | None
    secrets: tuple[str, ...]
    """Values that must never be shown."""
    notes: tuple[str, ...]
    """One line for each key that is set and has no effect yet, and for an .env that others can read."""
    env: dict[str, str]
    """What `.env` holds, for settings that are asked for by name."""
    secret_key: str = field(default="", repr=False)
    """BOT_HOST_SECRET_KEY: what seals tokens in the database; empty: `secret.key` in the data folder does."""


def flatten(model: BaseModel, prefix: str) -> dict[str, Any]:
    """Each value of a table by its dotted key; lists of tables are counted from 1."""
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        key = f"{prefix}.{name}"
        if isinstance(value, BaseModel):
            found |= flatten(value, key)
        elif isinstance(value, list) and value and isinstance(value[0], BaseModel):
            for place, item in enumerate(value, 1):
                found |= flatten(item, f"{key}[{place}]")
        else:
            found[key] = value
    return found
