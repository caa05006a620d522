"""The pattern responder: a conversation in, the next line out. Pure and deterministic.

In the manner of Weizenbaum's ELIZA (Communications of the ACM 9/1, 1966): keyword rules in order of rank,
the speaker's words turned round, and a memory of earlier topics to come back to. Instead of keeping state,
it reads the conversation again from its start each time, so the same conversation has the same answer.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot_host.plugin import ChatMessage, clean_text, one_line
from bot_host.plugins.offline.reflect import reflect
from bot_host.plugins.offline.rules import (
    COME_BACK,
    EMPTY,
    FALLBACK,
    NO_LETTERS,
    NO_NAME,
    NO_TOPIC,
    OTHER_SCRIPT,
    RULES,
    Rule,
)

_READ_CHARACTERS = 1000
"""Of each message only the last so many characters are read: work stays bounded."""
_READ_MESSAGES = 32
_READ_SENTENCES = 12
_QUOTE = 80
_AVOID = 8
_SENTENCE = re.compile(r"(?<=[.!?;\n])\s*")
_TASK = "TASK: SHOULD_RESPOND"
_NAME_LINE = re.compile(r"^Name:[ \t]*(\S.*?)[ \t]*$", re.MULTILINE)


@dataclass(slots=True)
class _Talk:
    """What is known after reading a conversation up to some line."""

    used: Counter[str] = field(default_factory=Counter)
    topics: list[str] = field(default_factory=list)
    name: str = ""
    told: int = 0
    """How many of the topics have been come back to."""
    said: list[str] = field(default_factory=list)
    """Our last lines, oldest first, so that none comes again soon."""


def answer(messages: Sequence[ChatMessage]) -> str:
    """The reply to the last user message; to the gate's question, one word."""
    if messages and messages[0].role == "system" and messages[0].content.startswith(_TASK):
        return should_respond(messages)
    lines = [_words(m) for m in messages if m.role == "user"][-_READ_MESSAGES:] or [""]
    talk = _Talk()
    for line in lines[:-1]:
        talk.said = [*talk.said, _reply(talk, line)][-_AVOID:]
    # What was really said counts: the history may begin later than the conversation did.
    talk.said = [m.content for m in messages if m.role == "assistant"][-_AVOID:]
    return _reply(talk, lines[-1])


def should_respond(messages: Sequence[ChatMessage]) -> str:
    """RESPOND when the agent's name stands in the last message, else IGNORE.

    The question is a system message with a line `Name: X`, then what was said, a line each: `speaker: text`.
    """
    named = _NAME_LINE.search(messages[0].content)
    if named is None or len(messages) < 2:
        return "IGNORE"
    line = messages[-1].content.rpartition("\n")[2][-_READ_CHARACTERS:]
    speaker, colon, said = line.partition(": ")
    pattern = rf"(?<!\w){re.escape(named.group(1).casefold())}(?!\w)"
    return "RESPOND" if re.search(pattern, (said if colon else speaker).casefold()) else "IGNORE"


def _words(message: ChatMessage) -> str:
    """The end of what was said, without the speaker's name before it."""
    text = message.content[-_READ_CHARACTERS:]
    if message.name:
        text = text.removeprefix(f"{message.name}: ")
    return clean_text(text).replace("\u2019", "'")


def _reply(talk: _Talk, text: str) -> str:
    if not text.strip():
        return _pick(talk, "empty", EMPTY)
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return _pick(talk, "no letters", NO_LETTERS)
    if not any(c.isascii() for c in letters):
        return _pick(talk, "other script", OTHER_SCRIPT, one_line(text, _QUOTE))
    sentences = [part.strip() for part in _SENTENCE.split(text) if part.strip()][-_READ_SENTENCES:]
    for rule in RULES:
        for sentence in reversed(sentences):
            match = rule.pattern.search(sentence)
            if match is not None:
                return _speak(talk, rule, match)
    return _wander(talk)


def _speak(talk: _Talk, rule: Rule, match: re.Match[str]) -> str:
    if rule.name == "recall":
        return _come_back(talk, rule.templates) or NO_TOPIC
    if rule.name == "own name":
        return _pick(talk, rule.name, rule.templates, talk.name) if talk.name else NO_NAME
    group = next((found for found in match.groups() if found), "")
    words = _fragment(group, keep=rule.keep_words)
    if rule.name == "name":
        talk.name = words
    if rule.topic:
        _remember(talk, rule.topic.format(words))
    return _pick(talk, rule.name, rule.templates, words)


def _fragment(group: str, *, keep: bool) -> str:
    flat = one_line(group, 4 * _QUOTE).strip(" \t,:'\"()[]*_`")
    if len(flat) > _QUOTE:
        flat = flat[:_QUOTE].rsplit(" ", 1)[0] + "…"
    return flat if keep else reflect(flat)


def _remember(talk: _Talk, topic: str) -> None:
    if topic not in talk.topics:
        talk.topics.append(topic)


def _wander(talk: _Talk) -> str:
    """Nothing matched: each third time go back to an earlier topic, where there is one."""
    talk.used["wander"] += 1
    if talk.used["wander"] % 3 == 2:
        back = _come_back(talk, COME_BACK)
        if back:
            return back
    return _pick(talk, "fallback", FALLBACK)


def _come_back(talk: _Talk, templates: tuple[str, ...]) -> str:
    if not talk.topics:
        return ""
    topic = talk.topics[talk.told % len(talk.topics)]
    talk.told += 1
    return _pick(talk, "come back", templates, topic)


def _pick(talk: _Talk, name: str, templates: tuple[str, ...], words: str = "") -> str:
    """The template whose turn it is, filled; of those that we said lately, the one longest ago."""
    turn = talk.used[name]
    talk.used[name] += 1
    filled = [template.replace("{0}", words) for template in templates]
    ordered = filled[turn % len(filled) :] + filled[: turn % len(filled)]
    return min(ordered, key=lambda reply: _last_said(talk.said, reply))


def _last_said(said: list[str], reply: str) -> int:
    """Where `reply` stands in `said`, counted from 1; 0 when it does not."""
    return max((place for place, line in enumerate(said, 1) if line == reply), default=0)
