"""What the bot may do in its servers' channels, held against what the settings expect of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bot_host.connector import AccessKind, CheckLine
from connectors.discord.advice import invite_link, needed_flags
from connectors.discord.config import DiscordConfig
from connectors.discord.permissions import HISTORY, SEND, SEND_IN_THREADS, VIEW, names_of, permissions_in
from connectors.discord.places import MESSAGE_TYPES, clean_name
from connectors.discord.rest import Json, Rest
from connectors.discord.rules import Rules

SERVERS: Final = 10
"""Servers that are looked at: three requests each."""
NAMED: Final = 5
"""Channels that one line names."""
TIMEOUT_S: Final = 15.0
SPOKEN_IN: Final = MESSAGE_TYPES | {15, 16}
"""Kinds of channels that somebody may be answered in; forums and media channels by their posts."""
POSTS: Final = frozenset({15, 16})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The bot in one channel."""

    id: str
    server: str
    name: str
    named: bool
    """It stands in `allow` itself."""
    may: int
    is_forum: bool

    @property
    def needs(self) -> int:
        """What an answer needs there at the least."""
        return VIEW | HISTORY | (SEND_IN_THREADS if self.is_forum else SEND)


async def standings(rest: Rest, config: DiscordConfig) -> tuple[list[Standing], int]:
    """The channels that the settings leave open, in so many servers, and how many servers there are.

    Raises as `Rest.request`.
    """
    rules, user = Rules.of(config), (await rest.log_in()).user
    assert user is not None
    guilds = await rest.request("GET", "/users/@me/guilds", timeout=TIMEOUT_S)
    found: list[Standing] = []
    for each in guilds[:SERVERS]:
        guild_id = str(each["id"])
        guild = await rest.request("GET", "/guilds/{id}", timeout=TIMEOUT_S, id=guild_id)
        channels = await rest.request("GET", "/guilds/{id}/channels", timeout=TIMEOUT_S, id=guild_id)
        member = await rest.request(
            "GET", "/guilds/{id}/members/{user}", timeout=TIMEOUT_S, id=guild_id, user=str(user.id)
        )
        for channel in channels:
            channel_id, parent_id = str(channel["id"]), str(channel.get("parent_id") or "")
            shut = rules.refuse_place(guild_id=guild_id, channel_id=channel_id, parent_id=parent_id)
            if channel["type"] in SPOKEN_IN and not shut:
                found.append(
                    _standing(
                        guild,
                        member,
                        channel,
                        named=rules.door.allow.names(AccessKind.CHANNEL, (channel_id,)),
                    )
                )
    return found, len(guilds)


def _standing(guild: Json, member: Json, channel: Json, *, named: bool) -> Standing:
    return Standing(
        id=str(channel["id"]),
        server=clean_name(guild.get("name")) or str(guild["id"]),
        name=f"#{clean_name(channel.get('name')) or channel['id']}",
        named=named,
        may=permissions_in(guild, member, channel),
        is_forum=channel["type"] in POSTS,
    )


def faults(found: Sequence[Standing]) -> Iterator[CheckLine]:
    """What keeps the bot silent: channels of `allow` that it cannot answer in, servers without any other."""
    for each in found:
        if each.named and (lacks := each.needs & ~each.may):
            yield CheckLine(
                name="discord permissions",
                ok=False,
                detail=f"in {each.name} of {each.server}, which stands in allow, the bot lacks "
                f"{names_of(lacks)}",
                advice="in Discord: the channel's settings, Permissions, add the bot's role, switch them on",
            )
    for server in _servers(found):
        here = [each for each in found if each.server == server and not each.named]
        if here and not any(each.needs & ~(each.may | HISTORY) == 0 for each in here):
            yield CheckLine(
                name="discord permissions",
                ok=False,
                detail=f"in {server} there is no channel that the bot can both see and write in",
                advice="in Discord: Server Settings, Roles, the bot's role: View Channels and Send Messages",
            )


def remarks(
    found: Sequence[Standing], servers: int, config: DiscordConfig, *, application_id: int
) -> Iterator[CheckLine]:
    """What is worth knowing besides: features that lack a permission, channels that it can only read."""
    wanted = needed_flags(config)
    for server in _servers(found):
        here = [each for each in found if each.server == server and each.may & VIEW]
        writable = [each for each in here if each.needs & ~(each.may | HISTORY) == 0]
        missing = wanted
        for each in writable:
            missing &= ~each.may
        if writable and missing:
            yield _remark(
                f"in {server} the bot lacks {names_of(missing)} in every channel",
                f"give them to its role, or invite it again: {invite_link(application_id, config)}",
            )
        partly = [each for each in writable if wanted & ~missing & ~each.may]
        if partly:
            lacks = wanted & ~missing & ~_all(each.may for each in partly)
            yield _remark(
                f"in {_names(partly)} of {server} the bot lacks {names_of(lacks)}",
                "if that is not on purpose, see the channels' settings, Permissions",
            )
        mute = [each for each in here if each not in writable and not each.named]
        if writable and mute:
            yield _remark(
                f"in {_names(mute)} of {server} the bot can read and not write",
                "if it is to answer there, give its role Send Messages",
            )
    if servers > SERVERS:
        yield _remark(f"the permissions in {SERVERS} of {servers} servers were looked at", "")


def _remark(detail: str, advice: str) -> CheckLine:
    return CheckLine(name="discord servers", ok=True, detail=detail, advice=advice)


def _all(values: Iterator[int]) -> int:
    common = -1
    for value in values:
        common &= value
    return common


def _servers(found: Sequence[Standing]) -> list[str]:
    return list(dict.fromkeys(each.server for each in found))


def _names(found: Sequence[Standing]) -> str:
    shown = ", ".join(each.name for each in found[:NAMED])
    return f"{shown} and {len(found) - NAMED} more" if len(found) > NAMED else shown
