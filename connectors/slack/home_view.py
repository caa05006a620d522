"""The App Home as blocks, and what people press there. Pure.

https://docs.slack.dev/reference/views/home-tab-views
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bot_host.connector import AgentCard, CommandSpec
from connectors.slack.blocks import plain
from connectors.slack.home_words import LANGUAGES, Words, language_of, words_for
from connectors.slack.mrkdwn import escape
from connectors.slack.needs import slash_of

PREFIX: Final = "h:"
"""How the `action_id` of what stands there begins; the command's name follows."""
HEADER: Final = 150
MOST: Final = 40
"""Commands that are listed: one line each, all in one block of 3,000 characters."""
SECTION: Final = 3_000
AUTO: Final = "off"
"""As `/settings language:off` ends it."""

Json = dict[str, Any]


def home_of(
    card: AgentCard,
    specs: Sequence[CommandSpec],
    *,
    channel: str,
    locale: str,
    direct: bool,
    answered: bool = False,
) -> Json:
    """What somebody sees who is let in. `channel`: their direct messages; `direct`: they may write there."""
    words = words_for(locale)
    names = {spec.name for spec in specs}
    blocks = [_header(card.name)]
    if answered:
        blocks.append(_context(words.done))
    if card.about:
        blocks.append(_section(escape(card.about)))
    blocks.append(_section(words.how_direct if direct else words.how))
    if listed := "\n".join(_commands(specs, locale)):
        blocks += [_title(words.commands), _section(listed)]
    blocks += [_title(words.usage), _section("\n".join(_allowances(card, words)) or words.free)]
    if direct and "settings" in names:
        blocks += [_title(words.settings), _language(card.language, words)]
    if direct and (buttons := list(_buttons(names, words))):
        blocks += [_title(words.data), {"type": "actions", "elements": buttons}]
    return {"type": "home", "private_metadata": json.dumps({"channel": channel}), "blocks": blocks}


def closed_home(name: str, *, locale: str, stranger: bool) -> Json:
    """What somebody sees who is not let in (yet)."""
    words = words_for(locale)
    line = words.stranger if stranger else words.refused
    return {"type": "home", "blocks": [_header(name), _section(line)]}


def read_home(body: Mapping[str, Any]) -> tuple[str, dict[str, str], str] | None:
    """What was used, with what it is told, and in whose direct messages; None: none of ours.

    Raises what reading a malformed payload raises.
    """
    action = body["actions"][0]
    name = str(action["action_id"])
    channel = str(json.loads(body["view"].get("private_metadata") or "{}").get("channel", ""))
    if not name.startswith(PREFIX) or not channel:
        return None
    chosen = action.get("selected_option")
    told = {"language": str(chosen["value"])} if isinstance(chosen, Mapping) else {}
    return name.removeprefix(PREFIX), told, channel


def _commands(specs: Sequence[CommandSpec], locale: str) -> Iterator[str]:
    language = language_of(locale)
    for spec in specs[:MOST]:
        told = spec.localizations.get(language)
        yield f"`{slash_of(spec.name)}` {escape(told.description if told is not None else spec.description)}"


def _allowances(card: AgentCard, words: Words) -> Iterator[str]:
    for each in card.allowances:
        line = {"messages": words.messages, "tokens": words.tokens, "cost": words.cost}[each.kind]
        form = ",.2f" if each.kind == "cost" else ",.0f"
        yield f"• {line.format(left=format(each.left, form), most=format(each.most, form))}"


def _language(current: str, words: Words) -> Json:
    options = [_option(words.any_language, AUTO), *(_option(name, name) for name in LANGUAGES)]
    if current and current not in LANGUAGES:
        options.append(_option(current, current))
    chosen = next((each for each in options if each["value"] == current), options[0])
    return {
        "type": "section",
        "text": {"type": "mrkdwn", "text": words.language},
        "accessory": {
            "type": "static_select",
            "action_id": f"{PREFIX}settings",
            "options": options,
            "initial_option": chosen,
        },
    }


def _option(label: str, value: str) -> Json:
    return {"text": plain(label), "value": value}


def _buttons(names: set[str], words: Words) -> Iterator[Json]:
    for name, label, style in (("mydata", words.show, ""), ("forgetme", words.forget, "danger")):
        if name in names:
            button: Json = {"type": "button", "action_id": f"{PREFIX}{name}", "text": plain(label)}
            yield button | ({"style": style} if style else {})


def _header(text: str) -> Json:
    return {"type": "header", "text": plain(text, HEADER)}


def _title(text: str) -> Json:
    return _section(f"*{text}*")


def _section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:SECTION]}}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}
