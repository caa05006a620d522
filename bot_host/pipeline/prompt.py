"""What of a turn's prompt fits into the model, counted in the model's tokens.

Nothing is counted as long as the whole has fewer bytes than the model takes tokens, which is the rule. Else
the estimate of `kit/tokens` decides, and where it says no and the model's own tokenizer is at hand, that one.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot_host.kit.clean import shorten
from bot_host.kit.tokens import MARGIN, Count, estimate, surely_within
from bot_host.types.models import ChatMessage, ToolSpec
from bot_host.types.windows import ModelWindow

HISTORY_TOKENS: Final = 24_000
"""Of the history in the prompt, however much the model takes: it is paid for with each answer."""
OVERHEAD: Final = 4
"""Tokens of a message besides its text: who speaks, where it begins and ends."""
TOOL_TOKENS: Final = 1000
"""More than a tool has, so that tools need not be counted where there is room for so much of each."""
CHARACTER: Final = "CHARACTER"
SUMMARY: Final = "SUMMARY"
FIRST: Final = ("KNOWLEDGE", "RELEVANT_MESSAGES", "ENTITIES", "RELATIONSHIPS", "FACTS")
"""Parts of the system prompt that go before all others, in this order. Others go from the last one on."""
LAST: Final = (SUMMARY, CHARACTER)
"""Those that go after all others; the very last is shortened."""
SHORT: Final = 1200
"""Characters of a tool's result where there is little room."""
LEAST: Final = 200
"""Characters that are left of anything that is shortened."""
_PER_TOKEN: Final = 2.0
"""Characters that a token is taken to have, where a text is cut to a number of tokens; then it is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of the conversation in the prompt."""

    message: ChatMessage
    asked: bool = False
    """It is to be answered: it stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the system prompt."""

    name: str
    """Of the provider."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A prompt that fits."""

    messages: tuple[ChatMessage, ...]
    left_out: tuple[str, ...] = ()
    """What is not in it, in words for the record."""
    history: int = 0
    """Messages of the conversation in it that are not asked."""


class Prompt:
    """The prompt of one turn. What was left out in one round may be back in another."""

    def __init__(
        self,
        parts: Sequence[Part],
        said: Sequence[Said],
        *,
        window: Callable[[], ModelWindow] = ModelWindow,
        missing: Sequence[str] = (),
        untold: int = 0,
    ) -> None:
        """`window` is asked anew for each round: a server that refuses tells what fits.

        `missing` is what is left out in any case, `untold` the number of messages without a summary.
        """
        self.history: int | None = None
        """Messages of the conversation, but for those asked, that fitted in the first round."""
        self.before = sum(not each.asked for each in said)
        """How many there were."""
        self.missing = tuple(missing)
        self.untold = untold
        self._parts = tuple(parts)
        self._said = tuple(said)
        self._window = window
        self._most: int | None = None
        self._used = 0

    def shrink(self) -> None:
        """The server says that it was too long, whatever was counted: half of it from now on."""
        limit = self._window().prompt_tokens
        self._most = min(limit, self._used or limit) // 2

    async def fit(self, rounds: Sequence[ChatMessage] = (), tools: Sequence[ToolSpec] = ()) -> Fitted:
        """The messages for the model: system prompt, conversation, and the rounds of this turn so far."""
        fitted = await self._fit(rounds, tools)
        if self.history is None:
            self.history = fitted.history
        return replace(fitted, left_out=(*self.missing, *fitted.left_out))

    async def _fit(self, rounds: Sequence[ChatMessage], tools: Sequence[ToolSpec]) -> Fitted:
        window = self._window()
        limit = self._within(int(window.prompt_tokens * (1 - MARGIN)))
        if self._all_fit(rounds, tools, limit):
            self._used = limit
            return self._whole(rounds)
        plan = _Plan(self._parts, self._said, rounds, tools, count=estimate)
        exact = plan.is_over(limit) and window.count is not None
        if exact and window.count is not None:
            # The margin is the estimate's. A vocabulary takes milliseconds a page.
            limit = self._within(window.prompt_tokens)
            plan = await asyncio.to_thread(_Plan, self._parts, self._said, rounds, tools, count=window.count)
        self._used = min(limit, plan.total)
        if not plan.is_over(limit):
            return self._whole(rounds)
        return await asyncio.to_thread(plan.cut, limit) if exact else plan.cut(limit)

    def _within(self, limit: int) -> int:
        return limit if self._most is None else min(limit, self._most)

    def _all_fit(self, rounds: Sequence[ChatMessage], tools: Sequence[ToolSpec], limit: int) -> bool:
        history = [each.message for each in self._said if not each.asked]
        everything = [each.message for each in self._said]
        overhead = OVERHEAD * (1 + len(self._said) + len(rounds)) + TOOL_TOKENS * len(tools)
        texts = [part.text for part in self._parts]
        texts += [text for message in (*everything, *rounds) for text in _texts(message)]
        return surely_within(texts, limit - overhead) and surely_within(
            [message.content for message in history], HISTORY_TOKENS - OVERHEAD * len(history)
        )

    def _whole(self, rounds: Sequence[ChatMessage]) -> Fitted:
        system = "\n\n".join(part.text for part in self._parts)
        history = sum(not each.asked for each in self._said)
        said = (each.message for each in self._said)
        return Fitted(messages=(ChatMessage(role="system", content=system), *said, *rounds), history=history)


class _Plan:
    """All parts of a prompt with their sizes."""

    def __init__(
        self,
        parts: Sequence[Part],
        said: Sequence[Said],
        rounds: Sequence[ChatMessage],
        tools: Sequence[ToolSpec],
        *,
        count: Count,
    ) -> None:
        self._count = count
        self._parts = [(part, count(part.text) + 1) for part in parts]
        self._said = [(each, self._size(each.message)) for each in said]
        self._rounds = [(message, self._size(message)) for message in rounds]
        self._tools = sum(
            count(f"{tool.name} {tool.description} {json.dumps(tool.parameters)}") + OVERHEAD
            for tool in tools
        )
        self._left_out: list[str] = []

    def _size(self, message: ChatMessage) -> int:
        return OVERHEAD + sum(map(self._count, _texts(message)))

    @property
    def _system(self) -> int:
        return OVERHEAD + sum(size for _, size in self._parts)

    @property
    def _history(self) -> int:
        return sum(size for each, size in self._said if not each.asked)

    @property
    def _fixed(self) -> int:
        asked = sum(size for each, size in self._said if each.asked)
        return self._tools + asked + sum(size for _, size in self._rounds)

    @property
    def total(self) -> int:
        """All of it."""
        return self._system + self._history + self._fixed

    def is_over(self, limit: int) -> bool:
        """Whether something has to go."""
        return self.total > limit or self._history > HISTORY_TOKENS

    def cut(self, limit: int) -> Fitted:
        """What fits of it. Where not even the question does, it is shortened."""
        # A quarter of the room is for what was said before, if the system prompt would take all.
        self._cut_system(max((limit - self._fixed) * 3 // 4, limit // 4))
        self._cut_rounds(limit)
        self._cut_asked(limit)
        self._cut_history(min(limit - self._system - self._fixed, HISTORY_TOKENS))
        system = "\n\n".join(part.text for part, _ in self._parts)
        said = [each.message for each, _ in self._said]
        rounds = [message for message, _ in self._rounds]
        return Fitted(
            messages=(ChatMessage(role="system", content=system), *said, *rounds),
            left_out=tuple(self._left_out),
            history=sum(not each.asked for each, _ in self._said),
        )

    def _cut_system(self, room: int) -> None:
        for name in _dispensable([part.name for part, _ in self._parts]):
            if self._system <= room:
                return
            if len(self._parts) == 1:
                break
            self._parts = [(part, size) for part, size in self._parts if part.name != name]
            self._left_out.append(name)
        for place, (part, size) in enumerate(self._parts):
            if self._system > room:
                text = self._shortened(part.text, size - (self._system - room))
                self._parts[place] = (replace(part, text=text), self._count(text) + 1)
                self._left_out.append(f"a part of {part.name}")

    def _cut_rounds(self, limit: int) -> None:
        """Results of tools, oldest first. A result that is gone would leave a call without an answer."""
        shortened = 0
        for most in (SHORT, LEAST):
            for place, (message, _) in enumerate(self._rounds):
                if self._system + self._fixed <= limit:
                    break
                if message.role != "tool" or len(message.content) <= most:
                    continue
                short = replace(message, content=shorten(message.content, most))
                self._rounds[place] = (short, self._size(short))
                shortened += 1
        if shortened:
            self._left_out.append(f"parts of {shortened} results")

    def _cut_asked(self, limit: int) -> None:
        asked = sorted(
            (place for place, (each, _) in enumerate(self._said) if each.asked),
            key=lambda place: -self._said[place][1],
        )
        for place in asked:
            over = self._system + self._fixed - limit
            if over <= 0:
                return
            each, size = self._said[place]
            short = replace(each.message, content=self._shortened(each.message.content, size - over))
            self._said[place] = (replace(each, message=short), self._size(short))
            self._left_out.append("a part of the question")

    def _cut_history(self, room: int) -> None:
        kept = []
        full = False
        for each, size in reversed(self._said):
            if not each.asked:
                room -= size
                full = full or room < 0
                if full:
                    continue
            kept.append((each, size))
        gone = len(self._said) - len(kept)
        if gone:
            self._left_out.append(f"{gone} messages of the history")
        self._said = kept[::-1]

    def _shortened(self, text: str, tokens: int) -> str:
        """The text's beginning and end in about so many tokens."""
        characters = int(max(tokens, 1) * _PER_TOKEN)
        while characters > LEAST:
            short = shorten(text, characters)
            size = self._count(short)
            if size <= tokens:
                return short
            characters = min(characters * 3 // 4, int(characters * tokens / size))
        return shorten(text, LEAST)


def _texts(message: ChatMessage) -> list[str]:
    return [message.content, *(f"{call.name} {call.arguments}" for call in message.tool_calls)]


def _dispensable(names: Sequence[str]) -> list[str]:
    first = [name for name in FIRST if name in names]
    last = [name for name in LAST if name in names]
    others = [name for name in reversed(names) if name not in (*FIRST, *LAST)]
    return [*first, *others, *last]
