"""Accounts of one person on several platforms: /whoami, /link, /unlink."""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from bot_host.plugin import (
    LINK_CODE_LASTS,
    UUID,
    Agent,
    BotHostError,
    Command,
    CommandCall,
    Content,
    Entity,
    LinkEnd,
    MemoryType,
    Option,
    OptionKind,
    Target,
    new_link_code,
    one_line,
    shown_code,
    utc_now,
)
from bot_host.plugins.commands.rooms import PRIVATE
from bot_host.plugins.commands.words import described

log = logging.getLogger(__name__)

# Commands have other names on Slack: what is told names none with a slash.
CODE: Final = (
    "Your code: `{code}`\nEnter it with this command in a private chat with me from your other account, "
    "within {minutes} minutes. Then both are you to me: in private I recall on the one what you told me on "
    "the other. Give the code to nobody, and never enter one that somebody gave you."
)
NO_MORE_CODES: Final = "You were given several codes lately: please wait an hour."
IN_PUBLIC: Final = "Others would read that: write it to me in a private chat."
READ: Final = f"{IN_PUBLIC} The code is good no more."
LINKED: Final = (
    "Linked with {other}. In private I recall here what you told me there, and the other way round. Rights "
    "and limits stay those of each account. The command unlink parts them again."
)
TOLD: Final = (
    "{other} entered the code that you were given here: both are you to me from now on. If that was not you, "
    "use the command unlink at once."
)
JOINED: Final = (
    "{other} has been linked with your accounts. If that was not you, use the command unlink at once."
)
PARTED: Final = (
    "Parted from {others}. From now on I recall nothing of the one on the other; what I said of it in a chat "
    "stays there."
)
TOLD_PARTED: Final = "{other} is parted from this account: here I recall nothing of it any more."
ALONE: Final = "No other account of yours is linked."
ENDS: Final[Mapping[LinkEnd, str]] = {
    LinkEnd.UNKNOWN: "I know no such code, or it is over. A code is good once, for ten minutes.",
    LinkEnd.OWN: "That is this account's own code: enter it from your other account.",
    LinkEnd.ALREADY: "These accounts are linked already.",
    LinkEnd.TOO_MANY: "That would be too many accounts of one person.",
    LinkEnd.WAIT: "Too many codes that were none: please wait an hour.",
}


def account_name(entity: Entity | None) -> str:
    """How people know an account: `Ada (telegram 123)`."""
    if entity is None:
        return "somebody"
    name = one_line(entity.names[0], 60) if entity.names else ""
    for platform, about in entity.metadata.items():
        if isinstance(about, Mapping) and about.get("id"):
            name = name or one_line(str(about.get("name") or about.get("user_name") or ""), 60)
            told = one_line(f"{platform} {about['id']}", 80)
            return f"{name} ({told})" if name else told
    return name or entity.id


async def _names(agent: Agent, entity_ids: Iterable[UUID]) -> str:
    ids = list(entity_ids)
    known = await agent.store.get_entities(ids)
    return ", ".join(account_name(known.get(each)) for each in ids)


async def _whoami(agent: Agent, call: CommandCall) -> str:
    own, *others = await agent.store.linked_entities(call.message.entity_id)
    lines = [f"You are {await _names(agent, [own])}."]
    # Others would read which accounts are theirs.
    if call.room.type in PRIVATE or call.message.type is MemoryType.CUSTOM:
        lines.append(f"Linked with {await _names(agent, others)}." if others else ALONE)
    return "\n".join(lines)


async def _link(agent: Agent, call: CommandCall) -> str:
    code = str(call.arguments.get("code", ""))
    me = call.message.entity_id
    if call.room.type not in PRIVATE:
        if code and call.message.type is not MemoryType.CUSTOM:
            return READ if await agent.store.burn_link_code(me, code) else IN_PUBLIC
        return IN_PUBLIC
    if not code:
        made = new_link_code()
        if not await agent.store.put_link_code(me, call.room.id, made, now=utc_now()):
            return NO_MORE_CODES
        minutes = int(LINK_CODE_LASTS.total_seconds()) // 60
        return CODE.format(code=shown_code(made), minutes=minutes)
    used = await agent.store.use_link_code(me, code, by=call.message.id, now=utc_now())
    if used.end is not LinkEnd.LINKED or used.other is None:
        return ENDS[used.end]
    mine = await _names(agent, [me])
    if used.room_id is not None:
        await _tell(agent, Target(source="", room_id=used.room_id), TOLD.format(other=mine))
    for each in await agent.store.linked_entities(me):
        if each not in (me, used.other):
            await _tell(agent, Target(source="", entity_id=each), JOINED.format(other=mine))
    return LINKED.format(other=await _names(agent, [used.other]))


async def _unlink(agent: Agent, call: CommandCall) -> str:
    me = call.message.entity_id
    everything = bool(call.arguments.get("all"))
    others = await agent.store.unlink(me, everything=everything, by=me)
    if not others:
        return ALONE
    mine = await _names(agent, [me])
    for each in others:
        await _tell(agent, Target(source="", entity_id=each), TOLD_PARTED.format(other=mine))
    return PARTED.format(others=await _names(agent, others))


async def _tell(agent: Agent, target: Target, text: str) -> None:
    try:
        await agent.send_message_to_target(target, Content(text=text))
    except BotHostError as error:
        # Several private chats, none, or a platform that is off: the command itself is done.
        log.info("a linked account could not be told: %s", error)


WHOAMI = Command(
    name="whoami",
    description="As whom I know you, and your linked accounts.",
    handler=_whoami,
    private=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Als wen ich dich kenne, und deine verknüpften Konten.",
        "Qui tu es pour moi, et tes comptes liés.",
        "Quién eres para mí, y tus cuentas vinculadas.",
    ),
)
LINK = Command(
    name="link",
    description="Be the same person to me here and on another platform.",
    handler=_link,
    options=(
        Option(
            name="code",
            description="The code that your other account was given.",
            localizations=described(
                "Der Code, den dein anderes Konto bekommen hat.",
                "Le code que ton autre compte a reçu.",
                "El código que recibió tu otra cuenta.",
            ),
        ),
    ),
    private=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Hier und auf einer anderen Plattform dieselbe Person für mich sein.",
        "Être la même personne pour moi ici et sur une autre plateforme.",
        "Ser la misma persona para mí aquí y en otra plataforma.",
    ),
)
UNLINK = Command(
    name="unlink",
    description="Part this account from your others.",
    handler=_unlink,
    options=(
        Option(
            name="all",
            description="Part all of them.",
            kind=OptionKind.BOOLEAN,
            localizations=described("Alle trennen.", "Les séparer tous.", "Separarlas todas."),
        ),
    ),
    private=True,
    secret=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Dieses Konto von deinen anderen trennen.",
        "Séparer ce compte de tes autres.",
        "Separar esta cuenta de las demás.",
    ),
)
