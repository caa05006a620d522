"""What a platform connector promises, and what the host gives it.

A connector is registered by an entry point of the group `bot_host.connectors` that names a `ConnectorSpec`.
Loading the spec must not import the platform's SDK; `create` may.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.contracts.manifest import AppAbout, AppManifest
from bot_host.kit.tasks import Supervisor
from bot_host.types.cards import AgentCard
from bot_host.types.choices import Choices
from bot_host.types.commands import CommandSpec, Completing
from bot_host.types.content import Content, Media
from bot_host.types.inbound import Account, InboundEvent, InboundMessage, Mark, RecentRoom
from bot_host.types.ledger import Heard
from bot_host.types.outbound import Payload, Sent, Target

if TYPE_CHECKING:
    from bot_host.contracts.connector_app import ConnectorApp


class ConnectorState(StrEnum):
    """How an account's connection is."""

    STARTING = "starting"
    CONNECTED = "connected"
    WAITING = "waiting"
    """Not connected; will try again by itself."""
    FAILED = "failed"
    """Not connected, and trying again is no use."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """One finding of `check`."""

    name: str
    """What was looked at: `discord`, `model openai large` …"""
    ok: bool
    detail: str
    """What was found, in one line."""
    advice: str = ""
    """What to do about it; empty when there is nothing to do."""
    account: str = ""
    """The id of the account that it logged in to: two tables must not have the same."""


class ConnectorHost(Protocol):
    """What the host gives to one connector: the one door in."""

    @property
    def tasks(self) -> Supervisor:
        """For the connector's own tasks; closed by the host after `close`."""

    @property
    def data_dir(self) -> Path:
        """The host's data folder."""

    async def connected(self, account: Account) -> None:
        """Logged in: this is who we are. Precedes the first `accept`; may be said again (rename)."""

    def waiting(self, why: str) -> None:
        """Connection lost; the connector is trying again by itself."""

    async def accept(self, *events: InboundEvent) -> None:
        """Take events in, in order. Returns when all are on disk: only then tell the platform.

        What is `Skipped` follows within a second: it needs no answer, and is skipped again if it comes again.

        Raises StoreError when they could not be written: do not tell the platform, so that it delivers again.
        """

    async def accept_missed(self, *events: InboundEvent) -> None:
        """`accept`, for what was said while nobody listened (a gap: a start, a connection that was lost).

        The account's `catch_up` and `catch_up_max_age` decide whether a message is answered like a live one,
        only remembered, or left out. What was taken in before is taken for a duplicate, as always.
        """

    def caught_up(self) -> None:
        """All of a gap has been handed over: one line in the log says what became of it."""

    async def recent_rooms(self, *, limit: int) -> Sequence[RecentRoom]:
        """The rooms of this account in which people spoke last, newest first."""

    async def is_paired(self, user_id: str) -> bool:
        """Whether somebody was approved of (`dm_policy = "pairing"`); asked before costly work for them.

        What strangers say goes in with `pairing_id` all the same: the host gives them their code.
        """

    def commands(self) -> Sequence[CommandSpec]:
        """The commands of the agent that answers here; it may learn more of them later."""

    async def card(self, person: str, room: str) -> AgentCard:
        """What the agent shows of itself to a person; by `PersonRef.key`, and `RoomRef.key` of their chat.

        Neither has to be known yet, and neither becomes known by this. Raises StoreError.
        """

    def openers(self) -> Sequence[str]:
        """What people may ask the agent to begin with, by its character's examples; may be empty."""

    async def complete(self, asked: Completing) -> list[str]:
        """What to propose to somebody who types an option; takes two seconds at most, and never raises."""

    async def find_choices(self, key: str) -> Choices | None:
        """What one of our messages offers, to show its form; None: it is over. Raises StoreError."""

    async def refuse_choice(self, message: InboundMessage) -> str:
        """Why what it chooses is not its sender's to choose (any more), in words for them; empty: it is.

        For platforms that can tell the one alone who clicked, before `accept`. A turn checks it again.
        Raises StoreError.
        """

    async def recall(self, name: str) -> Any:
        """A JSON value that this account's connector wanted to be remembered; None: there is none."""

    async def remember(self, name: str, value: Any) -> None:
        """Keep a JSON value over restarts. Raises StoreError."""

    async def find_mark(self, name: str) -> int | None:
        """How far a stream of this account has been taken in."""

    async def set_mark(self, mark: Mark) -> None:
        """Move a mark without an event (the first sight of a channel, say)."""


class Connector(Protocol):
    """One account on one platform."""

    platform: ClassVar[str]
    typing_interval_s: ClassVar[float]
    """How often `typing` is to be repeated so that the indicator stays; 0: the platform has none."""

    async def run(self, host: ConnectorHost) -> None:
        """Log in, take events in, reconnect by itself, until `stop_intake` or cancellation.

        Raises LoginError when the platform refuses the account for good; anything else that it raises is
        taken as a passing fault, and the host calls `run` again after a wait. It must be callable again.
        """

    async def stop_intake(self) -> None:
        """Take no further events and let `run` return; sending still works. Idempotent."""

    def encode(self, content: Content, target: Target) -> list[Payload]:
        """Pure: a message as requests within the platform's limits, in order; empty: nothing to send."""

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """Send one payload. `key` is the same for each try of the same part (an idempotency key).

        Raises SendLater, SendRefused or SendUnknown (see `ReadBackConnector` and `RepeatingConnector`: after
        that, others are sent again with the same key). Refused markup is not an error: the same text is
        sent plain.
        """

    async def typing(self, target: Target) -> None:
        """Show once that an answer is being written. Never raises for a refusal."""

    async def typing_done(self, target: Target) -> None:
        """The answer is finished or not coming; for platforms whose indicator does not end by itself."""

    async def close(self) -> None:
        """Let go of connections. Idempotent; `run` has ended."""

    async def check(self) -> Sequence[CheckLine]:
        """Try the token against the platform, without going online as the bot. Never raises."""


class TextStream(Protocol):
    """A reply shown while it is written."""

    async def write(self, chunk: str) -> None:
        """More text."""

    async def abandon(self) -> None:
        """The reply is not coming after all (the turn is begun again, or failed)."""


@runtime_checkable
class RevisableStream(TextStream, Protocol):
    """A stream whose text can be taken back: what was shown can be put right."""

    async def replace(self, text: str) -> None:
        """The reply so far reads like this, whatever was written before."""


@runtime_checkable
class TurnListener(Protocol):
    """A connector that wants to know when the host is through with what somebody said."""

    def turn_over(self, target: Target) -> None:
        """A message from there has its outcome on disk, answered or not. What is said goes out after this."""


@runtime_checkable
class StreamingConnector(Protocol):
    """A connector that can show a reply while it is written."""

    def open_stream(self, target: Target, *, memory_id: str) -> TextStream | None:
        """Begin to show the reply that will be sent with `memory_id` as part of its `key`; None: not here.

        Then it is shown by edits, by a `DraftingConnector`. The finished reply still comes through `send`,
        which shows only what the stream did not leave there.
        """


@runtime_checkable
class ChoiceConnector(Protocol):
    """A connector that shows choices (`Content.choices`) as buttons, lists or forms in `encode`.

    Elsewhere, and where it cannot show them, the host writes them as a numbered list into the text.
    """

    def can_show(self, choices: Choices) -> bool:
        """Pure: whether the platform has a form for these."""

    def chosen(self, target: Target, label: str) -> list[Payload]:
        """Pure: what takes the choices away from the message in which `label` was just chosen.

        `target` is that of the choice. Sent as any other payload; where it is too late, nothing happens.
        """


@runtime_checkable
class AcknowledgingConnector(Protocol):
    """A connector whose commands wait visibly for an answer, once they are acknowledged."""

    def unanswered(self, target: Target) -> list[Payload]:
        """Pure: what ends that waiting where nothing is said to `target`; empty: nothing waits there."""


@runtime_checkable
class ReadBackConnector(Protocol):
    """A connector whose platform can be asked whether a part has arrived.

    The outbox asks before a part goes out again whose fate is not known: the host was killed while it was
    being sent, or `send` raised SendUnknown.
    """

    async def find_sent(
        self, payload: Payload, target: Target, *, key: str, since: datetime, others: Set[str]
    ) -> Sent | None:
        """The message that `send` made of this part, or None: the platform has none.

        `since`: it was sent after this moment (our clock). `others`: platform ids of other parts, which may
        say the same. Raises SendLater when it could not look now, and SendRefused when it never can: the
        part is then sent again.
        """


@runtime_checkable
class RepeatingConnector(Protocol):
    """A connector whose platform knows neither idempotency keys nor a way to read back."""

    def repeated(self, payload: Payload) -> Payload | None:
        """Pure: a part that may have arrived, marked as a repeat, to be sent once more; None: not again.

        What is not sent again ends as failed: `unknown whether it was delivered`.
        """


@runtime_checkable
class PacedConnector(Protocol):
    """A connector that knows how fast its platform lets it send."""

    def pace_s(self, target: Target) -> float:
        """Seconds to wait before a message may go there; 0: it may go now, and is counted.

        Asked just before a part is marked as being sent, so that waiting leaves no doubt after a kill.
        """


@runtime_checkable
class SelfChecking(Protocol):
    """A connector that can find out, at the platform, what would keep the bot silent by its config."""

    async def silences(self) -> Sequence[CheckLine]:
        """A missing permission, rooms in `allow` that the bot is not in: a line each, with the way out.

        `ok`: worth knowing, and messages come all the same. Asked once after the login, and by `check`. Takes
        seconds at most, and never raises; nothing where the platform cannot be asked.
        """


@runtime_checkable
class LiveChecking(Protocol):
    """A connector that can tell what is wrong by what was really received."""

    async def compare(self, heard: Heard) -> Sequence[CheckLine]:
        """Compare what is configured, and what the platform says, with what came in: for `check --live`.

        Takes seconds at most, and never raises; nothing where the platform cannot be asked.
        """


@runtime_checkable
class ManifestComparing(Protocol):
    """A connector that can hold its app against `ConnectorSpec.manifest`, for `check`."""

    async def compare_manifest(self, make: Callable[[], AppManifest]) -> Sequence[CheckLine]:
        """What the platform's app has too little and too much; nothing where it cannot be asked.

        Takes seconds at most. Raises what `make` raises.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedMessage:
    """What a platform's link to a message names."""

    message_id: str
    channel_id: str = ""
    """As in `Target.channel_id`; empty: the link does not tell (it has a name in its place)."""


@runtime_checkable
class EditingConnector(Protocol):
    """A connector that can change what it has sent. Without it answers stay as they are."""

    async def edit(self, payload: Payload, target: Target, platform_message_id: str, *, key: str) -> None:
        """Put a payload in place of a message of ours. Doing it again changes nothing.

        Raises as `send`; SendRefused when the message is gone, or may not be edited any more.
        """

    async def retract(self, target: Target, platform_message_id: str) -> None:
        """Take a message of ours away. One that is gone already is taken away. Raises as `send`."""


@runtime_checkable
class ReactingConnector(Protocol):
    """A connector that can put a reaction on somebody's message."""

    async def react(self, target: Target, reaction: str) -> None:
        """Put a reaction of ours on the message `target.reply_to`. Doing it again changes nothing.

        `reaction`: an emoji, or a name where the platform has names. Raises as `send`.
        """


@runtime_checkable
class DraftingConnector(EditingConnector, Protocol):
    """A connector on whose platform an answer can be shown while it is written: sent early, then edited.

    The host does all of it, by `encode`, `send`, `edit` and `retract`.
    """

    edits_share_limit: ClassVar[bool]
    """Whether all rooms of the account share one limit: with two answers in the making each waits twice."""

    def edit_every_s(self, target: Target) -> float:
        """Pure: seconds between two edits of a message there; 0: answers are shown when they are done."""


@runtime_checkable
class UnfoldingConnector(DraftingConnector, Protocol):
    """A connector whose platform has a form of its own for a message that is still being written."""

    def unfinished(self, payload: Payload, target: Target) -> Payload:
        """Pure: a payload of an answer that goes on, marked as such; unchanged where there is no such form.

        What was sent or edited with it is always edited once more, with one that is not marked, or retracted:
        also after a kill, by another process.
        """


@runtime_checkable
class DownloadingConnector(Protocol):
    """A connector that can read the files that hang on messages."""

    async def download(self, media: Media, target: Target, *, message_id: str, max_bytes: int) -> bytes:
        """The file of an attachment, as decode made it. `message_id`: the message that it came with.

        Reads no more than `max_bytes`. Raises FetchRefused (too large, not allowed, gone) and FetchFailed
        (the network), with messages that the model may see: no address, no token.
        """


class OutgoingFiles(Protocol):
    """The host's media folder, for a connector that sends from it."""

    async def read(self, name: str) -> bytes | None:
        """A file by the name in `Media.file`; None: there is no such file (any more)."""

    def path_of(self, name: str) -> Path | None:
        """Where it lies; None for what is no name of a file there."""


@runtime_checkable
class FileSendingConnector(Protocol):
    """A connector that sends files. Others are given the names of files as text."""

    def use_files(self, files: OutgoingFiles) -> None:
        """Called once, before anything is sent.

        `encode` puts what `Media.as_file` says into a payload, which is stored; `send` reads the bytes. A
        file that is gone by then is named as text, and the rest of the message goes out.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSpec:
    """What an entry point of the group `bot_host.connectors` names."""

    platform: str
    config: type[ConnectorConfig]
    missing: Callable[[ConnectorConfig], str]
    """Why a connector with this config is off (`no token; set DISCORD_BOT_TOKEN`); empty: it can start."""
    create: Callable[[ConnectorConfig], Connector]
    """Imports the SDK. Raises ConfigError."""
    create_app: "Callable[[ConnectorConfig], ConnectorApp | None]" = lambda _config: None
    """In place of `create`, where this config stands for an app that is installed in several workspaces."""
    invite: Callable[[ConnectorConfig, str], str] = lambda _config, _base: ""
    """A link for somebody who installs such an app, by the web server's address; empty: there is none."""
    wrong: Callable[[ConnectorConfig], str] = lambda _config: ""
    """What is wrong with what is set (a token of another kind, half of a pair); empty: nothing.

    Unlike what is missing, it is a fault; still only this connector stays off.
    """
    secrets: Callable[[ConnectorConfig], Sequence[str]] = lambda _config: ()
    """The secret values, to be blotted out of logs."""
    person_key: Callable[[str], str] = lambda platform_id: platform_id
    """The `PersonRef.key` of a platform's user id, as decode makes it: who an owner is."""
    read_link: Callable[[str], LinkedMessage | None] = lambda _link: None
    """The message that a link of this platform leads to; None: not a link of this platform."""
    reasons: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """What reasons of its own for skipping an event mean: a sentence, and the way out (may be empty)."""
    needs_web: Callable[[ConnectorConfig], str] = lambda _config: ""
    """The setting that does without (`mode = "polling"`), where this config has the platform call the host's
    web server (`HttpConnector`); empty: it does not."""
    actions: Sequence[str] = ()
    """The names of the actions that it may bring (`ActingConnector`), for what asks without connecting."""
    manifest: Callable[[ConnectorConfig, AppAbout], AppManifest] | None = None
    """The app for just what this config leaves on; None: the platform knows no such thing. Raises ConfigError
    for what has to be set first."""
