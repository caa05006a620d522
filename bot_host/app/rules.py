"""The rule behind each outcome, the settings that it goes by, and the way out."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot_host.config.describe import all_values
from bot_host.config.lines import where_set
from bot_host.config.schema import Loaded
from bot_host.types.turn import Outcome

Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a reason means. `{table}` stands for the connector's table, `{agent}` for the agent's."""

    reason: str
    """Regular expression for the whole reason."""
    says: str
    outcome: Outcome | None = None
    """Only for messages that ended so."""
    settings: Mapping[str, Test] = field(default_factory=dict)
    """Keys that it goes by, and what their values must be for it."""
    way_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A reason in an admin's words."""

    rule: str
    settings: tuple[str, ...]
    """`mention_only = true in [connectors.discord] (config.toml line 9)`."""
    way_out: str


def _any(_value: Any) -> bool:
    return True


def _is(*values: Any) -> Test:
    return lambda value: value in values


def _open(value: Any) -> bool:
    return bool(value)


_TO_ALLOW: Final = "add the user, role, channel or server to allow (or the user to owners), or empty allow"
_CLOSED: Final = {
    "{table}.dm_policy": _is("allowlist", "pairing"),
    "{table}.allow": _any,
    "{table}.owners": _any,
}
_OPENING: Final = 'add the user\'s id to allow or owners, or set dm_policy = "open"'
_PAIRING: Final = {"{table}.dm_policy": _is("pairing")}
_TO_PAIR: Final = "python -m bot_host pair list, and pair approve CODE; or add the user's id to allow"

RULES: Final[Sequence[Rule]] = (
    # Answered.
    Rule(reason="direct message", says="direct messages are always answered"),
    Rule(reason="mention", says="a message that mentions the agent is answered"),
    Rule(reason="reply to the agent", says="a reply to the agent is answered"),
    Rule(
        reason="thread that the agent takes part in",
        says="in a thread in which the agent has spoken, everything is answered",
    ),
    Rule(
        reason="the model chose to answer",
        says="among several people the small model decides about what is not addressed to the agent",
        settings={"{table}.mention_only": _is(False)},
    ),
    Rule(
        reason="always answered here",
        says="the agent's settings name this kind of room, or this source, as one where all is answered",
    ),
    Rule(reason="command", says="a command was used: it is carried out, without a model where it needs none"),
    Rule(reason="choice", says="something was chosen of what a message of the agent's offered"),
    # Ignored, by the agent.
    Rule(reason="owner's command", says="an owner's command in a direct message, done without a model"),
    Rule(
        reason="unknown command",
        says="the agent has no such command; the platform's list may be older than the agent's plugins",
        way_out="restart the client of the platform; see which plugins the agent has",
    ),
    Rule(reason="command written wrongly", says="what the command was told did not fit its options"),
    Rule(
        reason="command not possible here",
        says="the command works only in private, or only among several people",
    ),
    Rule(
        reason="command not allowed",
        says="the command needs a role that its sender does not have there",
        way_out="ask an owner for the role (UPDATE_ROLE), or add the user's id to owners",
    ),
    Rule(reason="command without an answer", says="the command was carried out, and had nothing to say"),
    Rule(reason="choice over", says="what was to be chosen is chosen already, too old, or no longer known"),
    Rule(reason="choice of somebody else", says="only the person who was answered may choose there"),
    Rule(
        reason="off until the room is followed",
        says="the setting BOOTSTRAP_DEFLLMOFF keeps the agent silent in rooms that it does not follow",
        way_out="have it follow the room, or take the setting away",
    ),
    Rule(
        reason="not addressed",
        says="among several people only mentions, replies and the agent's own threads are answered",
        settings={"{table}.mention_only": _is(True)},
        way_out="mention the agent, or reply to it; mention_only = false lets the small model decide",
    ),
    Rule(
        reason="muted",
        says="the agent was asked to be quiet in this room",
        way_out="mention it, and ask it to unmute the room",
    ),
    Rule(
        reason="asked to be quiet",
        says="the small model read this message as a wish that the agent be quiet; the room is muted",
        settings={"{table}.mention_only": _is(False)},
        way_out="mention it, and ask it to unmute the room",
    ),
    Rule(
        reason="the model chose silence",
        says="the model decided that nothing should be said",
        settings={"{table}.mention_only": _any},
        way_out="mention the agent: then no model is asked whether to answer",
    ),
    Rule(
        reason="the model's decision was unclear",
        says="the small model was asked whether to answer, and said neither yes nor no",
        settings={"{table}.mention_only": _is(False), "models.provider": _any},
        way_out="another small model; or mention_only = true, so that none is asked",
    ),
    Rule(
        reason="the model that decides failed",
        says="the small model was asked whether to answer, and failed; the log says why",
        settings={"{table}.mention_only": _is(False), "models.provider": _any},
        way_out="run check; or set mention_only = true, so that no model is asked",
    ),
    Rule(reason="empty message", says="there was nothing to answer: no text and no attachment"),
    Rule(reason="deleted", says="it was deleted on its platform before it had its turn"),
    Rule(reason="room deleted", says="its room was deleted before it had its turn"),
    Rule(reason="erased", says="its sender's data were erased before it had its turn"),
    Rule(
        reason="too old|caught up, not answered|missed, not taken in",
        says="it was sent while the host was away, and came too late to be answered",
        settings={"{table}.catch_up": _any, "{table}.catch_up_max_age": _any},
        way_out='raise catch_up_max_age, and set catch_up = "answer"',
    ),
    *(
        Rule(
            reason=f"over_limit: {re.escape(key)}",
            says=says,
            settings={f"{{agent}}.limits.{key}": _open},
            way_out="wait, or raise the limit",
        )
        for key, says in (
            (
                "messages_per_minute.entity",
                "this person has had as many answers in a minute as the limit allows",
            ),
            ("messages_per_minute.room", "this room has had as many answers in a minute as the limit allows"),
            ("tokens_per_day", "the agent has used as many tokens today (UTC) as the limit allows"),
            ("cost_per_day", "the agent has cost as much today (UTC) as the limit allows"),
        )
    ),
    Rule(
        reason="stop_word",
        outcome=Outcome.SUPERSEDED,
        says="somebody said a stop word before it was answered",
        settings={"{agent}.stop_words": _open},
    ),
    Rule(
        reason="stop_word",
        says="it holds a stop word: what the agent was doing in this room was ended",
        settings={"{agent}.stop_words": _open},
    ),
    Rule(reason="stopped", says="somebody pressed the stop button before it was answered"),
    # Ignored, by the connector: never let in.
    Rule(reason="own message", says="the agent said this itself"),
    Rule(reason="own reaction", says="the agent itself put this reaction"),
    Rule(reason="own membership", says="the agent itself came or went"),
    Rule(reason="reaction to a file", says="reactions are kept for messages only"),
    Rule(
        reason="bot|via bot|webhook",
        says="bots are not answered, as two of them may talk for ever",
        settings={"{table}.bots": _is("none", "mentions")},
        way_out='bots = "mentions" answers those that turn to the agent; bots_limit ends their circles',
    ),
    Rule(
        reason="bot that does not turn to the agent",
        says="bots are answered only when they mention the agent, reply to it or write to it directly",
        settings={"{table}.bots": _is("mentions")},
        way_out='bots = "all" treats them like people',
    ),
    Rule(
        reason="bot loop",
        says="bots in this room have had as many answers within five minutes as the limit allows, and get "
        "none for ten",
        settings={"{table}.bots": _is("mentions", "all"), "{table}.bots_limit": _any},
        way_out="wait, or raise bots_limit",
    ),
    Rule(reason="automatic forward|no sender", says="it is nobody's own message to the agent"),
    Rule(
        reason="repeats an answered message",
        says="a proxy said somebody's message again, and that one had its answer before it was deleted",
    ),
    Rule(reason="command for another bot", says="the command names another bot"),
    Rule(
        reason="denied",
        says="its user, one of their roles, its channel or its server is on the deny list",
        settings={"{table}.deny": _open},
        way_out="take the id out of deny",
    ),
    Rule(
        reason="roles not known",
        says="the deny list names roles or user groups, and the platform did not tell which the sender has",
        settings={"{table}.deny": _open},
        way_out="run check: on Slack the app needs the scope usergroups:read",
    ),
    *(
        Rule(reason=f"pairing{rest}", says=says, settings=_PAIRING, way_out=way_out)
        for rest, says, way_out in (
            ("", "somebody unknown wrote directly, and was given a code", _TO_PAIR),
            (
                ": has a code already",
                "somebody unknown wrote directly; they have a code, or had one within the hour",
                _TO_PAIR,
            ),
            (
                ": too many open requests",
                "somebody unknown wrote directly while three others waited to be let in: no code was given",
                _TO_PAIR,
            ),
            (
                ": turned down",
                "its sender asked to be let in, and was turned down",
                "python -m bot_host pair revoke WHO, and they can ask anew",
            ),
            (
                ": said before the approval",
                "it was said before its sender was let in; they were told that it was not read",
                "",
            ),
            (
                ": missed, no code given",
                "somebody unknown wrote directly while the host was down, and it came too late for a code",
                "they get one when they write again",
            ),
        )
    ),
    Rule(
        reason="not allowed",
        says="there is an allow list, and neither its user, a role of theirs nor its place is on it",
        settings={"{table}.allow": _open, "{table}.owners": _any},
        way_out=_TO_ALLOW,
    ),
    Rule(
        reason="direct messages are off",
        says="direct messages are not taken",
        settings={"{table}.dm_policy": _is("off")},
        way_out='dm_policy = "open", or "allowlist" with the user\'s id in allow',
    ),
    Rule(
        reason=r"not on the allow ?list|direct message not allowed.*",
        says="direct messages are taken from those on the allow list and the owners only",
        settings=_CLOSED,
        way_out=_OPENING,
    ),
    Rule(
        reason="system message|news: .*|service: .*|group became a supergroup",
        says="the platform wrote this itself: somebody joined, a message was pinned, and the like",
    ),
    Rule(
        reason="nothing edited|edit without a change|change .*",
        says="the platform told of a change that changes nothing here",
    ),
    Rule(reason="blocked|removed from the chat", says="the agent was blocked, or removed from the chat"),
    Rule(reason="button", says="buttons are not taken in yet"),
    Rule(reason="malformed.*", says="it could not be read; the log has a line about it"),
    Rule(
        reason="unknown .*",
        says="it is of a kind that this version does not know",
        way_out="a newer version of Bot Host may know it",
    ),
    # Superseded and failed.
    Rule(
        reason="newer message",
        says="a newer message of the same room took its turn",
        settings={"{agent}.busy_mode": _is("latest")},
        way_out='busy_mode = "queue" answers both together',
    ),
    Rule(
        reason="the turn took longer than .*",
        says="the turn was ended at its time limit",
        settings={"{agent}.turn_timeout": _any},
        way_out="see in the steps what took so long; raise turn_timeout if that is how long it takes",
    ),
    Rule(
        reason="given up after .*",
        says="its turns ended with the process, or by a fault, each time",
        way_out="see the log at these times; a plugin's fault, or a message that brings the process down",
    ),
    Rule(
        reason="a fault in the turn.*|the reply could not be encoded",
        says="a fault in the program or a plugin; the log has its traceback",
    ),
)

_NO_RULE: Final = Rule(reason="", says="")
_FAILED: Final = Rule(
    reason="",
    says="no model gave an answer",
    settings={"models.provider": _any},
    way_out="run check; it tries the models and says what to mend",
)


def explain(
    loaded: Loaded,
    *,
    outcome: str,
    reason: str,
    table: str,
    agent: str,
    own: Mapping[str, tuple[str, str]],
) -> Explained:
    """What a reason means by this configuration. `table` and `agent` are keys, or empty where not known.

    `own` are the connector's reasons (`ConnectorSpec.reasons`).
    """
    if reason in own:
        return Explained(rule=own[reason][0], settings=(), way_out=own[reason][1])
    fitting = (each for each in RULES if each.outcome in (None, outcome))
    rule = next((each for each in fitting if re.fullmatch(each.reason, reason)), None)
    rule = rule or (_FAILED if outcome == Outcome.FAILED else _NO_RULE)
    values = all_values(loaded.config)
    settings = []
    for template, expected in rule.settings.items():
        key = template.format(table=table, agent=agent)
        if key not in values:
            continue
        line = where_set(loaded, key, values[key])
        settings.append(line if expected(values[key]) else f"{line}, changed since")
    return Explained(rule=rule.says, settings=tuple(settings), way_out=rule.way_out)
