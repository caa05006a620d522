"""`why`: one message, what became of it and by which rule, what it cost, where its answer went."""

import asyncio
from collections.abc import Sequence
from typing import Final

from bot_host.app.build import connector_specs
from bot_host.app.reports import OUTBOX, ROW, Report, Reporter, when
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import LinkedMessage
from bot_host.contracts.ledger import Ledger
from bot_host.kit.clean import one_line
from bot_host.types.errors import StateError
from bot_host.types.ids import is_uuid
from bot_host.types.ledger import Part, Received, SkippedMessage, Story

LONGEST: Final = 19
"""Digits; a number of a row has fewer (SQLite's integers end at 9,223,372,036,854,775,807)."""
Found = Received | Part | SkippedMessage


class Ambiguous(StateError):
    """Several messages have this id."""

    def __init__(self, message: str, *, found: Sequence[str]) -> None:
        super().__init__(message)
        self.found = tuple(found)
        """One line each, beginning with what `why` takes for just this one."""


class Why:
    """Answers for one configuration and its database."""

    def __init__(self, loaded: Loaded, ledger: Ledger) -> None:
        self._loaded = loaded
        self._ledger = ledger
        self._specs = connector_specs()

    async def tell(self, wanted: str) -> Report:
        """The report on a message: link, platform id, memory or run id, `row:N`, `outbox:N`; empty: the last.

        Raises StateError for one that is not known, Ambiguous.
        """
        return (await self.tell_whole(wanted))[0]

    async def tell_whole(self, wanted: str) -> tuple[Report, Story | None]:
        """The same with all that it was made of; None: the message was not let in."""
        found = await self._find(wanted.strip())
        reporter = Reporter(self._loaded, self._specs, (await self._ledger.figures()).accounts)
        if isinstance(found, SkippedMessage):
            return await asyncio.to_thread(reporter.skipped, found), None
        tell = self._ledger.tell_said if isinstance(found, Part) else self._ledger.tell_story
        story = await tell(found.seq)
        assert story is not None
        # It reads the characters' files.
        return await asyncio.to_thread(reporter.story, story), story

    async def _find(self, wanted: str) -> Found:
        if not wanted:
            return await self._last()
        for prefix, get in ((ROW, self._ledger.get_received), (OUTBOX, self._ledger.get_part)):
            number = wanted.removeprefix(prefix)
            if number != wanted:
                if not number.isdecimal():
                    raise StateError(f"{one_line(wanted, 120)}: write {prefix}N with a number, as {prefix}12")
                one = await get(int(number)) if len(number) < LONGEST else None
                if one is None:
                    raise StateError(f"there is no {one_line(wanted, 120)} in this database")
                return one
        found = await self._all(*self._read(wanted))
        if not found and wanted.isdecimal() and len(wanted) < LONGEST:
            row = await self._ledger.get_received(int(wanted))
            found = [row] if row is not None else []
        if not found:
            raise StateError(
                f"no message {one_line(wanted, 120)} was received or sent: it never reached the host (check "
                "--live compares what is configured with what comes in), or it is older than this database"
            )
        if len(found) > 1:
            raise Ambiguous(f"{len(found)} messages have this id; say which", found=list(map(_one_of, found)))
        return found[0]

    async def _last(self) -> Found:
        row, skipped = await self._ledger.last_received(), await self._ledger.last_skipped()
        if skipped is not None and (row is None or skipped.at > row.received_at):
            return skipped
        if row is None:
            raise StateError("nothing was received yet")
        return row

    def _read(self, wanted: str) -> tuple[LinkedMessage, str]:
        """A link, an id or an event key: message, channel and platform, as far as it tells."""
        for spec in self._specs.values():
            link = spec.read_link(wanted)
            if link is not None:
                return link, spec.platform
        if "://" in wanted:
            platforms = ", ".join(self._specs)
            raise StateError(f"{one_line(wanted, 120)} is no link to a message of {platforms}; give its id")
        channel, _, message = wanted.rpartition("/")
        return LinkedMessage(message_id=message, channel_id=channel.rpartition("/")[2]), ""

    async def _all(self, link: LinkedMessage, platform: str) -> list[Found]:
        """Rows, then what was sent, then what was not let in; each message once."""
        rows = await self._ledger.find_received(link.message_id)
        if not rows and is_uuid(link.message_id):
            rows = (await self._ledger.find_received_by_id(link.message_id.lower()))[-1:]
        found: list[Found] = [*rows]
        if not (rows and is_uuid(link.message_id)):
            parts = await self._ledger.find_parts(link.message_id)
            found.extend({part.memory_id or part.seq: part for part in parts}.values())
        known = {(row.account, row.event_key) for row in rows}
        skipped = await self._ledger.find_skipped(link.message_id)
        found.extend(each for each in skipped if (each.account, each.event_key) not in known)
        return [each for each in found if _is_there(each, link, platform)]


def _one_of(found: Found) -> str:
    match found:
        case Received():
            end = found.outcome or found.state
            return f"{ROW}{found.seq}  {found.account} {found.event_key}, {when(found.received_at)}, {end}"
        case Part():
            return f"{OUTBOX}{found.seq}  said at {found.destination}, {when(found.created_at)}"
        case SkippedMessage():
            return f"{found.event_key}  {found.account}, {when(found.at)}, not let in: {found.reason}"


def _is_there(found: Found, link: LinkedMessage, platform: str) -> bool:
    if platform and not found.account.startswith(f"{platform}:"):
        return False
    if not link.channel_id:
        return True
    match found:
        case Received():
            return link.channel_id in (found.target.channel_id, *found.event_key.split("/")[:-1])
        case Part():
            return link.channel_id in found.destination.removeprefix(f"{found.account}/").split("/")
        case SkippedMessage():
            return link.channel_id in found.event_key.split("/")[:-1]
