"""One update that tells several things. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot_host.connector import InboundEvent


@dataclass(frozen=True, slots=True)
class Several:
    """What one update tells, in order."""

    events: tuple[InboundEvent, ...]


def spread(found: Iterable[InboundEvent | Several]) -> Iterator[InboundEvent]:
    """All events, in order."""
    for each in found:
        if isinstance(each, Several):
            yield from each.events
        else:
            yield each
