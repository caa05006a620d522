"""Discord's interactions as the host's messages: commands, menus, components, forms. Pure.

https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from bot_host.connector import (
    PAIRING,
    ChoiceUse,
    CommandSpec,
    CommandUse,
    Completing,
    Content,
    InboundMessage,
    Media,
    MentionContext,
    MentionType,
    PersonRef,
    Skipped,
    Target,
    one_line,
)
from connectors.discord.attachments import attachments_of
from connectors.discord.components import read_use, words_of
from connectors.discord.decode import (
    QUOTE,
    View,
    place_of,
    refuse_interaction,
    snowflake_time,
)
from connectors.discord.places import display_name, person
from connectors.discord.text import all_words

COMMAND: Final = 2
COMPONENT: Final = 3
AUTOCOMPLETE: Final = 4
FORM: Final = 5

SLASH: Final = 1
USER_MENU: Final = 2
MESSAGE_MENU: Final = 3

LASTS: Final = timedelta(minutes=15)
"""A token's life (interactions/receiving-and-responding#followup-messages)."""
MARGIN: Final = timedelta(seconds=20)
"""Our clock may be behind Discord's."""
EPHEMERAL: Final = 1 << 6
UNKNOWN: Final = "unknown component"
FORM_WORDS: Final = "(a form)"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """What Discord says of a command, click, form or half-typed option."""

    id: str
    application_id: str
    token: str
    type: int
    data: Json
    raw: Json

    @classmethod
    def of(cls, raw: Json) -> Self:
        """Of INTERACTION_CREATE's data."""
        return cls(
            id=str(raw["id"]),
            application_id=str(raw["application_id"]),
            token=str(raw["token"]),
            type=int(raw["type"]),
            data=raw.get("data") or {},
            raw=raw,
        )

    @property
    def user(self) -> Json:
        """Who did it."""
        user: Json = (self.raw.get("member") or {}).get("user") or self.raw["user"]
        return user

    @property
    def sender(self) -> PersonRef:
        """The same, as a person."""
        return person(self.user, self.raw.get("member"))

    @property
    def message(self) -> Json:
        """The message whose component it is."""
        return self.raw.get("message") or {}

    @property
    def is_private(self) -> bool:
        """That message is for this person alone."""
        return bool(int(self.message.get("flags") or 0) & EPHEMERAL)


def expires_at(interaction_id: str) -> datetime:
    """Until when an interaction's token is good."""
    return snowflake_time(int(interaction_id)) + LASTS - MARGIN


def find_spec(interaction: Interaction, specs: Sequence[CommandSpec]) -> CommandSpec | None:
    """The command that was used, by its name or by its label in a menu."""
    name, kind = str(interaction.data.get("name", "")), interaction.data.get("type", SLASH)
    if kind == SLASH:
        return next((spec for spec in specs if spec.name == name), None)
    menu = "user" if kind == USER_MENU else "message"
    return next((spec for spec in specs if spec.menus.get(menu) == name), None)  # type: ignore[call-overload]


def decode_interaction(
    interaction: Interaction, specs: Sequence[CommandSpec], view: View
) -> InboundMessage | Skipped:
    """A command, click or form as a message; Skipped where it is not for the agent."""
    key = f"interaction/{interaction.id}"
    reason = refuse_interaction(interaction.raw, interaction.user, view)
    if reason and reason != PAIRING:
        return Skipped(reason=reason, event_key=key)
    message = _decoded(interaction, specs, view)
    if reason and isinstance(message, InboundMessage):
        return replace(message, pairing_id=message.sender.platform_id)
    return message


def _decoded(interaction: Interaction, specs: Sequence[CommandSpec], view: View) -> InboundMessage | Skipped:
    if interaction.type == COMMAND:
        return _command(interaction, find_spec(interaction, specs), view)
    use = read_use(interaction.data)
    if use is None:
        return Skipped(reason=UNKNOWN, event_key=f"interaction/{interaction.id}")
    words = words_of(interaction.data, interaction.message) or FORM_WORDS
    return _message(interaction, view, text=words, private=interaction.is_private, choice=use)


def _command(interaction: Interaction, spec: CommandSpec | None, view: View) -> InboundMessage:
    name = spec.name if spec is not None else str(interaction.data.get("name", ""))
    arguments = arguments_of(interaction.data)
    attachments: list[Media] = []
    said = ""
    if spec is not None and interaction.data.get("type") == MESSAGE_MENU:
        said, attachments = _quoted(interaction, view)
        arguments = {spec.says: said}
    elif spec is not None and spec.says:
        said = str(arguments.get(spec.says, ""))
    use = CommandUse(name=name, arguments=arguments, locale=str(interaction.raw.get("locale") or ""))
    written = " ".join([f"/{name}", *(f"{key}:{one_line(str(v), 200)}" for key, v in arguments.items())])
    # One that Discord still shows and nobody knows: only its user needs to hear that.
    private = spec is None or spec.private
    return _message(
        interaction, view, text=said or written, private=private, command=use, attachments=attachments
    )


def arguments_of(data: Json) -> dict[str, Any]:
    """The options of a command, as they were given. Of people and channels Discord says the id."""
    return {str(option["name"]): option.get("value") for option in data.get("options", ())}


def decode_typing(interaction: Interaction) -> Completing:
    """An option that is being typed."""
    arguments = arguments_of(interaction.data)
    focused = next(
        (str(option["name"]) for option in interaction.data.get("options", ()) if option.get("focused")), ""
    )
    return Completing(
        command=str(interaction.data.get("name", "")),
        option=focused,
        typed=str(arguments.pop(focused, "") or ""),
        arguments=arguments,
    )


def _quoted(interaction: Interaction, view: View) -> tuple[str, list[Media]]:
    """A message from whose menu a command was used: somebody's words, and not those of who asks."""
    resolved = (interaction.data.get("resolved") or {}).get("messages") or {}
    target = resolved.get(str(interaction.data.get("target_id"))) or {}
    author = display_name(target.get("author") or {}) or "Somebody"
    told = dict(target) | {"guild_id": interaction.raw.get("guild_id")}
    text = all_words(told, me=view.me, book=view.book)[:QUOTE]
    quoted = "\n".join(f"> {line}" for line in text.splitlines()) or "> (no text)"
    return f"What do you say to this message of {author}?\n{quoted}", attachments_of(target)


def _message(
    interaction: Interaction,
    view: View,
    *,
    text: str,
    private: bool,
    command: CommandUse | None = None,
    choice: ChoiceUse | None = None,
    attachments: Sequence[Media] = (),
) -> InboundMessage:
    world, room = place_of(interaction.raw, interaction.user, view)
    sender = interaction.sender
    return InboundMessage(
        event_key=f"interaction/{interaction.id}",
        message_id=interaction.id,
        memory_key=interaction.id,
        world=world,
        room=room,
        sender=sender,
        content=Content(
            text=text,
            source="discord",
            attachments=list(attachments),
            channel_type=room.type,
            mention_context=MentionContext(is_mention=True, mention_type=MentionType.PLATFORM_MENTION),
        ),
        sent_at=snowflake_time(int(interaction.id)),
        target=Target(
            source="discord",
            channel_id=room.channel_id,
            server_id=str(interaction.raw.get("guild_id") or ""),
            extra=_extra(interaction, sender, private=private, click=choice is not None),
        ),
        command=command,
        choice=choice,
        private=private,
    )


def _extra(interaction: Interaction, sender: PersonRef, *, private: bool, click: bool) -> dict[str, str]:
    extra = {
        # Commands are answered also where the bot may not write: the channel's own queue is not theirs.
        "lane": f"interaction:{interaction.id}",
        "interaction": interaction.id,
        "application": interaction.application_id,
        "token": interaction.token,
        "user_id": sender.platform_id,
    }
    if private:
        extra["private"] = "1"
    if click:
        extra["click"] = "1"
    return extra


def is_interaction(target: Target) -> bool:
    """Whether an answer to `target` is the answer to an interaction."""
    return "token" in target.extra


def token_of(extra: Mapping[str, str]) -> dict[str, str]:
    """What names an interaction in the paths of Discord's API."""
    return {"webhook_id": extra["application"], "webhook_token": extra["token"]}
