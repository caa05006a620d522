"""Names of servers, channels and roles, learned from the gateway's own events."""

from dataclasses import dataclass, field
from typing import Any, Final

from bot_host.connector import (
    PARENT_ID,
    ChannelType,
    InboundPlaces,
    PersonRef,
    RoomRef,
    WorldRef,
    clean_text,
    one_line,
)
from connectors.discord.openness import Everyone, Overwrites
from connectors.discord.rules import Rules

Json = dict[str, Any]

THREAD_TYPES: Final = frozenset({10, 11, 12})
MESSAGE_TYPES: Final = frozenset({0, 2, 5, 13}) | THREAD_TYPES
"""Channel types that hold messages: text, voice, announcements, stage, threads. A forum has threads only."""

PRIVATE_THREAD: Final = 12
NAME_LIMIT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """The bot itself."""

    id: str
    name: str


@dataclass(slots=True, kw_only=True)
class GuildNames:
    """What is known of a server."""

    name: str = ""
    roles: dict[str, str] = field(default_factory=dict)
    own_roles: set[str] = field(default_factory=set)
    """Roles that Discord manages for this bot: to mention one is to mention the bot."""
    held: set[str] = field(default_factory=set)
    """All roles that the bot has."""
    policy: str = "own"
    """`role_mentions` of the config."""
    everyone: Everyone = field(default_factory=Everyone)
    """What all members may do."""

    @property
    def named_by(self) -> frozenset[str]:
        """Roles whose mention is a mention of the bot."""
        if self.policy == "none":
            return frozenset()
        return frozenset(self.own_roles | self.held if self.policy == "any" else self.own_roles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A channel or thread of a server."""

    id: str
    type: int
    guild_id: str
    name: str = ""
    parent_id: str = ""
    last_message_id: int | None = 0
    """0: nothing was said there yet. None: not told."""
    overwrites: Overwrites = field(default_factory=Overwrites)
    """Of a channel; a thread has its channel's."""

    @property
    def is_thread(self) -> bool:
        """A thread, or a post of a forum."""
        return self.type in THREAD_TYPES

    def room(self, *, open: bool | None = None) -> RoomRef:
        """As a room. A thread is a room of its own: Discord posts into it by its own id."""
        return RoomRef(
            key=self.id,
            type=ChannelType.THREAD if self.is_thread else ChannelType.GROUP,
            channel_id=self.id,
            name=self.name,
            metadata={PARENT_ID: self.parent_id} if self.is_thread and self.parent_id else {},
            open=open,
        )


def clean_name(value: object) -> str:
    """A name as Discord gives it, safe to store: one line, no lone surrogates."""
    return one_line(clean_text(value), NAME_LIMIT) if isinstance(value, str) else ""


def display_name(user: Json, member: Json | None = None) -> str:
    """How people see a user: nickname in this server, else display name, else user name."""
    return clean_name((member or {}).get("nick") or user.get("global_name") or user.get("username"))


def person(user: Json, member: Json | None = None) -> PersonRef:
    """A user object as a person."""
    return PersonRef(
        key=str(user["id"]),
        platform_id=str(user["id"]),
        name=display_name(user, member),
        user_name=clean_name(user.get("username")),
        is_bot=bool(user.get("bot")),
        roles=tuple(str(role) for role in (member or {}).get("roles", ())),
    )


class Book:
    """What one account knows of its servers and their channels.

    Archived threads are dropped, so that it does not grow with the years; one that wakes up is learned
    again, from the gateway or by `GET /channels/{id}`.
    """

    def __init__(self, *, role_mentions: str = "own") -> None:
        self._role_mentions = role_mentions
        self.guilds: dict[str, GuildNames] = {}
        self.channels: dict[str, Place] = {}

    def learn(self, event: str, data: Json, *, me: Me | None) -> None:
        """Take in a gateway event about places; others change nothing."""
        if event in ("GUILD_CREATE", "GUILD_UPDATE"):
            self._learn_guild(data, me)
        elif event == "GUILD_DELETE" and not data.get("unavailable"):
            self._forget_guild(str(data["id"]))
        elif event in ("GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE"):
            self._learn_role(str(data["guild_id"]), data["role"], me)
        elif event == "GUILD_ROLE_DELETE":
            self._guild(str(data["guild_id"])).roles.pop(str(data["role_id"]), None)
        elif event == "GUILD_MEMBER_UPDATE":
            self._learn_member(self._guild(str(data["guild_id"])), data, me)
        elif event in ("CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE"):
            self.learn_channel(data)
        elif event in ("CHANNEL_DELETE", "THREAD_DELETE"):
            self.channels.pop(str(data["id"]), None)
        elif event == "THREAD_LIST_SYNC":
            for thread in data.get("threads", ()):
                self.learn_channel(thread | {"guild_id": data["guild_id"]})

    def _guild(self, guild_id: str) -> GuildNames:
        return self.guilds.setdefault(guild_id, GuildNames(policy=self._role_mentions))

    def _learn_guild(self, data: Json, me: Me | None) -> None:
        guild_id = str(data["id"])
        guild = self._guild(guild_id)
        guild.name = clean_name(data.get("name")) or guild.name
        if "roles" in data:
            guild.roles.clear()
            guild.own_roles.clear()
            guild.everyone = Everyone()
            for role in data["roles"]:
                self._learn_role(guild_id, role, me)
        for member in data.get("members", ()):
            self._learn_member(guild, member, me)
        for channel in (*data.get("channels", ()), *data.get("threads", ())):
            self.learn_channel(channel | {"guild_id": guild_id})

    def _learn_role(self, guild_id: str, role: Json, me: Me | None) -> None:
        guild, role_id = self._guild(guild_id), str(role["id"])
        guild.roles[role_id] = clean_name(role.get("name"))
        guild.everyone = guild.everyone.learn(guild_id, role)
        if me is not None and str((role.get("tags") or {}).get("bot_id", "")) == me.id:
            guild.own_roles.add(role_id)

    @staticmethod
    def _learn_member(guild: GuildNames, member: Json, me: Me | None) -> None:
        if me is not None and str((member.get("user") or {}).get("id")) == me.id:
            guild.held = {str(role) for role in member.get("roles", ())}

    def _forget_guild(self, guild_id: str) -> None:
        self.guilds.pop(guild_id, None)
        self.channels = {key: place for key, place in self.channels.items() if place.guild_id != guild_id}

    def learn_channel(self, data: Json, *, in_use: bool = False) -> None:
        """Take in a channel object of a server; `in_use`: keep it even if it says that it is archived."""
        if not data.get("guild_id"):
            return
        place = Place(
            id=str(data["id"]),
            type=int(data["type"]),
            guild_id=str(data["guild_id"]),
            name=clean_name(data.get("name")),
            parent_id=str(data.get("parent_id") or ""),
            last_message_id=int(data["last_message_id"] or 0) if "last_message_id" in data else None,
            overwrites=Overwrites.of(data),
        )
        if (data.get("thread_metadata") or {}).get("archived") and not in_use:
            self.channels.pop(place.id, None)
        else:
            self.channels[place.id] = place

    def world(self, guild_id: str) -> WorldRef:
        """A server as a world."""
        guild = self.guilds.get(guild_id)
        return WorldRef(key=guild_id, name=guild.name if guild else "", platform_id=guild_id)

    def room(self, place: Place) -> RoomRef:
        """A place as a room, with whether all of its server may read it."""
        return place.room(open=self.is_open(place))

    def is_open(self, place: Place) -> bool:
        """Whether everybody of its server may read a place. What is not known is not open."""
        guild = self.guilds.get(place.guild_id)
        above = self.channels.get(place.parent_id) if place.is_thread else place
        if guild is None or above is None or place.type == PRIVATE_THREAD:
            return False
        return guild.everyone.may_read(above.type, above.overwrites)

    def readable(self, guild_id: str) -> tuple[str, ...]:
        """The channels of a server that everybody of it may read, also those of threads alone."""
        found = (p for p in self.channels.values() if p.guild_id == guild_id and not p.is_thread)
        return tuple(place.id for place in found if self.is_open(place))

    def places(self, guild_id: str) -> list[Place]:
        """The channels and threads of a server that hold messages."""
        return [p for p in self.channels.values() if p.guild_id == guild_id and p.type in MESSAGE_TYPES]


def decode_places(event: str, data: Json, *, book: Book, rules: Rules, me: Me) -> InboundPlaces | None:
    """The names that an event told, once `book` has learned it; None: nothing that we keep."""
    if event in ("GUILD_CREATE", "GUILD_UPDATE"):
        guild_id = str(data["id"])
        taken = _taken(guild_id, book, rules)
        if not taken or data.get("unavailable"):
            return None
        if event == "GUILD_UPDATE":
            return InboundPlaces(world=book.world(guild_id))
        return _all_of(guild_id, taken, book)
    if event == "GUILD_ROLE_UPDATE":
        guild_id = str(data["guild_id"])
        # Other roles give more than @everyone has, or are named by the channels themselves.
        taken = _taken(guild_id, book, rules) if str(data["role"]["id"]) == guild_id else []
        return _all_of(guild_id, taken, book) if taken else None
    if event == "CHANNEL_DELETE" and data.get("guild_id"):
        guild_id = str(data["guild_id"])
        return InboundPlaces(world=book.world(guild_id), readable=book.readable(guild_id))
    if event in ("CHANNEL_CREATE", "CHANNEL_UPDATE", "THREAD_CREATE", "THREAD_UPDATE"):
        place = book.channels.get(str(data["id"]))
        if place is None or (place.type not in MESSAGE_TYPES and event != "CHANNEL_UPDATE"):
            return None
        if rules.refuse_place(guild_id=place.guild_id, channel_id=place.id, parent_id=place.parent_id):
            return None
        own = [place] if place.type in MESSAGE_TYPES else []
        if event != "CHANNEL_UPDATE":
            return InboundPlaces(world=book.world(place.guild_id), rooms=(book.room(place),))
        threads = [each for each in book.places(place.guild_id) if each.parent_id == place.id]
        return InboundPlaces(
            world=book.world(place.guild_id),
            rooms=tuple(book.room(each) for each in (*own, *threads)),
            readable=book.readable(place.guild_id),
        )
    if event == "GUILD_MEMBER_UPDATE" and str(data["user"]["id"]) != me.id:
        return InboundPlaces(people=(person(data["user"], data),))
    return None


def _taken(guild_id: str, book: Book, rules: Rules) -> list[Place]:
    return [
        place
        for place in book.places(guild_id)
        if not rules.refuse_place(guild_id=guild_id, channel_id=place.id, parent_id=place.parent_id)
    ]


def _all_of(guild_id: str, taken: list[Place], book: Book) -> InboundPlaces:
    rooms = tuple(book.room(place) for place in taken)
    return InboundPlaces(world=book.world(guild_id), rooms=rooms, readable=book.readable(guild_id))
