"""Commands: checked when they are loaded, recognised in what people write, their arguments read."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bot_host.contracts.commands import Command
from bot_host.contracts.plugin import Agent
from bot_host.kit.clean import one_line
from bot_host.types.commands import ChoiceUse, CommandUse, Completing, Localized, Option, OptionKind, Where
from bot_host.types.content import ChannelType, MentionContext
from bot_host.types.memory import Memory
from bot_host.types.permissions import NOBODY, Needed, includes
from bot_host.types.places import Role

COMMAND: Final = "command"
"""In a message's metadata: it is the use of a command."""
CHOICE: Final = "choice"
"""The same: it chooses something that a message of ours offered."""
PRIVATE_ROOMS: Final = frozenset({ChannelType.DM, ChannelType.VOICE_DM, ChannelType.SELF, ChannelType.API})
PROPOSALS: Final = 25
PROPOSAL_CHARACTERS: Final = 100
"""Discord's bounds for what it proposes while somebody types."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
"""What all platforms take: Discord 32 characters in lower case, Telegram 32 of a-z, 0-9 and _.

https://docs.discord.com/developers/interactions/application-commands#application-command-object
https://core.telegram.org/bots/api#botcommand
"""
_TEXT: Final = re.compile(r"\s*[/!]([a-z][a-z0-9_]{0,31})(?:@\w{1,64})?(?:\s+(.*))?\s*", re.I | re.S)
"""`/name rest` and `!name rest`: Slack keeps what begins with a slash to itself inside threads."""
_MENTION: Final = re.compile(r"<[@#][!&]?([A-Z0-9]+)(?:\|[^>]*)?>")
"""Discord's and Slack's `<@123>`, `<#C1|name>`."""
_YES: Final = frozenset({"yes", "y", "true", "on", "1", "ja", "oui", "si", "sí"})
_NO: Final = frozenset({"no", "n", "false", "off", "0", "nein", "non"})
_LABEL: Final = 32
_DESCRIPTION: Final = 100
_MOST: Final = 25


# -- checking


def command_faults(command: Any) -> Iterator[str]:
    """What is wrong with a command that a plugin brings."""
    if not isinstance(command, Command):
        yield f"a command must be a Command, found {one_line(repr(command), 60)}"
        return
    what = f"command {one_line(str(command.name), 40)}"
    if not isinstance(command.name, str) or not _NAME.fullmatch(command.name):
        yield f"{what}: its name is 1 to 32 lower case letters, digits and underscores, a letter first"
    yield from _texts(what, command.description, command.localizations)
    if command.says:
        said = command.option(command.says)
        if said is None or said.kind is not OptionKind.TEXT:
            yield f"{what}: says must name an option that takes text"
        if command.handler is not None:
            yield f"{what}: it has a handler, and says something: one of both"
    elif not callable(command.handler):
        yield f"{what}: handler must be a function"
    for role in (command.required_role, command.shared_role):
        if role is not None and role not in list(Role):
            yield f"{what}: {one_line(str(role), 40)} is no Role"
    for label in command.menus.values():
        if not isinstance(label, str) or not 1 <= len(label) <= _LABEL:
            yield f"{what}: a menu's label has 1 to {_LABEL} characters"
    if "message" in command.menus and not command.says:
        yield f"{what}: what a message says needs an option to go to: says"
    shown = [option for option in command.options if not option.hidden]
    if len(shown) > _MOST:
        yield f"{what}: more than {_MOST} options"
    needed = [option.required for option in shown]
    if needed != sorted(needed, reverse=True):
        yield f"{what}: required options come first"
    if len({option.name for option in command.options}) < len(command.options):
        yield f"{what}: two options have the same name"
    for option in command.options:
        yield from _option_faults(what, option)


def _option_faults(what: str, option: Option) -> Iterator[str]:
    here = f"{what}: option {one_line(str(option.name), 40)}"
    if not _NAME.fullmatch(str(option.name)):
        yield f"{here}: its name is made as a command's"
    yield from _texts(here, option.description, option.localizations)
    if len(option.choices) > _MOST:
        yield f"{here}: more than {_MOST} choices"
    if any(not 1 <= len(text) <= _DESCRIPTION for text in option.choices):
        yield f"{here}: a choice has 1 to {_DESCRIPTION} characters"
    if option.choices and option.complete is not None:
        yield f"{here}: choices and complete exclude each other"
    if (option.choices or option.complete) and option.kind is not OptionKind.TEXT:
        yield f"{here}: only text has choices or is completed"
    if option.hidden and option.required:
        yield f"{here}: nobody could fill it in: it is hidden"


def _texts(what: str, description: Any, localized: Mapping[str, Localized]) -> Iterator[str]:
    for text in (description, *(each.description for each in localized.values() if each.description)):
        if not isinstance(text, str) or not 1 <= len(text.strip()) <= _DESCRIPTION:
            yield f"{what}: a description has 1 to {_DESCRIPTION} characters"
    for language, each in localized.items():
        if each.name and (not re.fullmatch(r"[-_\w]{1,32}", each.name) or each.name != each.name.lower()):
            yield f"{what}: its name in {language} is 1 to 32 letters, digits, - and _ in lower case"


# -- permissions


def needed_roles(agent: Agent, command: Command, *, shared: bool) -> list[Needed]:
    """What its sender needs: what `[agents.permissions]` says, else its author."""
    by_config = agent.permissions.for_command(command.name, None)
    if by_config is not None:
        return [by_config]
    return [command.required_role, command.shared_role if shared else None]


def offered(agent: Agent) -> list[Command]:
    """The commands that somebody may use at all, with the kinds of rooms in which not all may."""
    return [
        replace(each, guarded=_guarded(agent, each))
        for each in agent.commands
        if agent.permissions.for_command(each.name, None) != NOBODY
    ]


def _guarded(agent: Agent, command: Command) -> tuple[Where, ...]:
    kinds: tuple[tuple[Where, bool], ...] = (("private", False), ("shared", True))
    return tuple(
        kind
        for kind, shared in kinds
        if not all(includes(Role.NONE, needed) for needed in needed_roles(agent, command, shared=shared))
    )


# -- recognising


def find_command(commands: Iterable[Command], asked: str) -> Command | None:
    """By its name, or its name in another language; regardless of case."""
    folded = asked.casefold()
    known = list(commands)
    found = next((command for command in known if command.name == folded), None)
    return found or next(
        (c for c in known if any(each.name.casefold() == folded for each in c.localizations.values())), None
    )


def asked_for(agent: Agent, message: Memory) -> CommandUse | ChoiceUse | None:
    """What a message asks for besides an answer, by the platform's own data or by how it begins.

    As text (`/reset`), a command counts where the message turns to the agent; one that nobody knows is a
    message like any other.
    """
    if message.entity_id == agent.agent_id:
        return None
    told = message.metadata.get(COMMAND)
    if isinstance(told, Mapping):
        use = CommandUse.from_dict(told)
        return None if use.optional and find_command(agent.commands, use.name) is None else use
    told = message.metadata.get(CHOICE)
    if isinstance(told, Mapping):
        return ChoiceUse.from_dict(told)
    return written(agent, message) if _turns_to_us(message) else None


def written(agent: Agent, message: Memory) -> CommandUse | None:
    """The command that a message reads like, if it is meant for the agent."""
    if message.content.text.lstrip()[:1] not in ("/", "!"):
        return None
    if message.metadata.get("from_bot"):
        return None  # bots talk; what is done here is done for people
    found = _TEXT.fullmatch(message.content.text)
    if found is None or find_command(agent.commands, found[1]) is None:
        return None
    return CommandUse(name=found[1].lower(), text=found[2] or "")


def _turns_to_us(message: Memory) -> bool:
    mention = message.content.mention_context or MentionContext()
    kind = message.content.channel_type
    return kind is None or kind in PRIVATE_ROOMS or mention.is_mention or mention.is_reply


def stays_out(agent: Agent, message: Memory) -> bool:
    """Whether a message is a command whose answer is for one person: none of it belongs into a prompt."""
    use = asked_for(agent, message)
    command = find_command(agent.commands, use.name) if isinstance(use, CommandUse) else None
    return command is not None and command.private


# -- arguments


class Unfit(ValueError):
    """Arguments that do not fit. The message is for whoever used the command."""


def read_arguments(command: Command, use: CommandUse, *, chosen: bool = False) -> dict[str, Any]:
    """The arguments of a use, checked; hidden options only where they were `chosen`. Raises Unfit."""
    options = [option for option in command.options if chosen or not option.hidden]
    given = {**_from_text(options, use.text), **_by_name(options, use.arguments)}
    read = {}
    for option in options:
        value = given.get(option.name)
        if value is None or value == "":
            if option.required:
                raise Unfit(f"{option.name} is missing. {usage(command)}")
            continue
        read[option.name] = _value(option, value)
    return read


def usage(command: Command) -> str:
    """How a command is written."""
    parts = [f"/{command.name}"]
    shown = [option for option in command.options if not option.hidden]
    parts += [option.name.upper() if option.required else f"[{option.name}]" for option in shown]
    return f"It is written so: {' '.join(parts)}"


def _by_name(options: Sequence[Option], arguments: Mapping[str, Any]) -> dict[str, Any]:
    known = {option.name for option in options}
    return {key: value for key, value in arguments.items() if key in known}


def _from_text(options: Sequence[Option], text: str) -> dict[str, Any]:
    """`name:value` and `name=value` anywhere; the rest by place, the last text takes all that is left."""
    text = text.strip()
    if not text or not options:
        return {}
    if len(options) == 1:
        alone = re.fullmatch(rf"{options[0].name}\s*[:=]\s*(.+)", text, re.S | re.I)
        return {options[0].name: alone[1].strip() if alone else text}
    given: dict[str, Any] = {}
    rest: list[str] = []
    names = {option.name for option in options}
    for word in _words(text):
        name, sign, value = re.fullmatch(r"([^:=]*)([:=]?)(.*)", word, re.S).groups()  # type: ignore[union-attr]
        if sign and name.lower() in names:
            given[name.lower()] = value
        else:
            rest.append(word)
    left = [option for option in options if option.name not in given]
    for place, option in enumerate(left):
        if not rest:
            break
        if place == len(left) - 1 and option.kind is OptionKind.TEXT:
            given[option.name], rest = " ".join(rest), []
        else:
            given[option.name] = rest.pop(0)
    return given


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quotation mark that is no quotation
        return text.split()


def _value(option: Option, value: Any) -> Any:
    kind = option.kind
    if kind is OptionKind.INTEGER:
        try:
            return int(value)
        except (TypeError, ValueError):
            raise Unfit(f"{option.name} must be a whole number, not {one_line(str(value), 40)}.") from None
    if kind is OptionKind.BOOLEAN:
        word = str(value).strip().casefold()
        if word == option.name:
            # `/mute off`: to name it is to want it.
            return True
        if word not in _YES | _NO:
            raise Unfit(f"{option.name} must be yes or no, not {one_line(word, 40)}.")
        return word in _YES
    text = str(value).strip()
    if kind in (OptionKind.USER, OptionKind.CHANNEL):
        mention = _MENTION.fullmatch(text)
        return mention[1] if mention else text
    if option.choices:
        found = next((each for each in option.choices if each.casefold() == text.casefold()), None)
        if found is None:
            raise Unfit(f"{option.name} must be one of {', '.join(option.choices)}.")
        return found
    return text


def as_written(command: CommandUse) -> str:
    """A use as somebody would write it."""
    said = [f"/{command.name}"]
    if command.text:
        said.append(command.text)
    said += [f"{name}:{one_line(str(value), 200)}" for name, value in command.arguments.items()]
    return " ".join(said)


async def complete(agent: Agent, asked: Completing) -> list[str]:
    """What to propose for an option; nothing for what nobody completes."""
    command = find_command(agent.commands, asked.command)
    option = command.option(asked.option) if command is not None else None
    if option is None or option.hidden:
        return []
    if option.complete is not None:
        found = [str(text) for text in await option.complete(agent, asked)]
    else:
        typed = asked.typed.casefold()
        found = [text for text in option.choices if typed in text.casefold()]
    return [text for text in found if 1 <= len(text) <= PROPOSAL_CHARACTERS][:PROPOSALS]
