"""Keys of an app's accounts: two workspaces may name different people and rooms by the same id."""

from dataclasses import replace
from typing import TypeVar

from bot_host.contracts.connector_app import scoped_key
from bot_host.types.inbound import (
    InboundEvent,
    InboundMembership,
    InboundMessage,
    InboundPlaces,
    InboundReaction,
    InboundStop,
    PersonRef,
    RoomRef,
    WorldRef,
)

R = TypeVar("R", WorldRef, RoomRef, PersonRef)
E = TypeVar("E", bound=InboundEvent)


def scoped(event: E, scope: str) -> E:
    """`event` with each key that is hashed into an id inside the account."""

    def own(ref: R) -> R:
        return replace(ref, key=scoped_key(scope, ref.key))

    if not scope:
        return event
    if isinstance(event, InboundMessage):
        replied = event.replied_memory_key
        return replace(
            event,
            world=own(event.world),
            room=own(event.room),
            sender=own(event.sender),
            memory_key=scoped_key(scope, event.memory_key),
            replied_memory_key=scoped_key(scope, replied) if replied is not None else None,
        )
    if isinstance(event, InboundReaction):
        return replace(event, world=own(event.world), room=own(event.room), sender=own(event.sender))
    if isinstance(event, InboundStop):
        return replace(event, room=own(event.room), sender=own(event.sender))
    if isinstance(event, InboundMembership):
        person = own(event.person) if event.person is not None else None
        return replace(event, world=own(event.world), person=person)
    if isinstance(event, InboundPlaces):
        return replace(
            event,
            world=own(event.world) if event.world is not None else None,
            rooms=tuple(own(room) for room in event.rooms),
            people=tuple(own(person) for person in event.people),
        )
    return event
