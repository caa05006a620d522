"""How an agent is made and how it works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from bot_host.contracts.plugin import ModelHandler, Plugin, Service
from bot_host.contracts.store import Store
from bot_host.types.character import Character
from bot_host.types.models import ModelType
from bot_host.types.permissions import Permissions
from bot_host.types.sources import GivenSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an agent people may have; 0: no limit. Those who run the bot have none."""

    entity_messages_per_minute: int = 0
    """Answered messages of one person."""
    room_messages_per_minute: int = 0
    """Answered messages of one room."""
    tokens_per_day: int = 0
    """Of all the agent's turns; the day is UTC's."""
    cost_per_day: float = 0.0
    """US dollars, as far as prices are known."""

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return self != _NO_LIMITS


_NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaOptions:
    """What is read of the files that people send; the keys of `[agents.media]`."""

    describe: bool = True
    """Pictures."""
    transcribe: bool = True
    """Sound, and that of videos."""
    read: bool = True
    """Text and PDF."""
    max_bytes: int = 20_000_000
    """Of one file."""
    max_seconds: int = 900
    """Of sound and videos."""
    max_files: int = 8
    """In one turn."""
    max_characters: int = 20_000
    """Of a document's text, or of what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryOptions:
    """Of long conversations; the keys of `[agents.summaries]`."""

    enabled: bool = True
    """What does not stand in the prompt any more is summarised by the small model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeOptions:
    """How knowledge is read and shown; the keys of `[agents.knowledge]`."""

    check_seconds: int = 300
    """How often files are looked at."""
    url_hours: int = 24
    """How often addresses are read again."""
    max_bytes: int = 50_000_000
    """Of one file or address."""
    max_files: int = 2_000
    """Of one folder."""
    results: int = 6
    """Fragments in a prompt."""
    tokens: int = 2_000
    """Of all of them together."""
    allow_hosts: Sequence[str] = ()
    """Hosts that are not on the public internet and may be read all the same: `name` or `name:port`."""
    given: Sequence[GivenSource] | None = None
    """What the character is to know; None: what it says, with paths from the current folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOptions:
    """How an agent works; the keys of `[[agents]]`."""

    busy_mode: Literal["queue", "latest", "each"] = "queue"
    """What comes in mid-answer: answered together in the next turn, only the newest, or one by one."""
    debounce_ms: int = 0
    """Quiet to wait for before messages are answered together; not with `each`."""
    stop_words: Sequence[str] = ()
    """A message with one of these is not answered, and what its sender asked for before is left."""
    limits: Limits = Limits()
    permissions: Permissions = field(default_factory=Permissions)
    """Who may use which action and command."""
    max_steps: int = 6
    """Model and tool rounds in one turn."""
    turn_timeout: float = 300.0
    """Seconds."""
    media: MediaOptions = MediaOptions()
    summaries: SummaryOptions = SummaryOptions()
    knowledge: KnowledgeOptions = KnowledgeOptions()
    conversation_length: int = 32
    """Messages of history in the prompt (elizaos.md 2.15-07)."""
    background: bool = True
    """Whether the agent may have tasks of its own (embeddings); off in ephemeral runtimes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeConfig:
    """All that makes an agent (elizaOS's RuntimeConfig). See `AgentRuntime.from_config`."""

    character: Character | Mapping[str, Any]
    plugins: Sequence[Plugin | str] = ()
    """Objects, or names of installed ones."""
    database: Store | None = None
    """Opened by whoever made it."""
    models: Mapping[ModelType, ModelHandler] = field(default_factory=dict)
    """Models of one's own, asked before those of the plugins."""
    services: Sequence[type[Service]] = ()
    """Services of one's own, started after those of the plugins."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Settings, after the character's and before the process's environment."""
    options: AgentOptions = field(default_factory=AgentOptions)
