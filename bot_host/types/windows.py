"""How much fits into a model at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

CONTEXT_TOKENS: Final = 32_768
"""Of a model that nothing is known of: what most servers of one's own are set to, or more."""
ANSWER_TOKENS: Final = 4096
"""Kept free for the answer; of a small model a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWindow:
    """What a model takes, question and answer together."""

    context_tokens: int = CONTEXT_TOKENS
    count: Callable[[str], int] | None = None
    """The model's own way to count tokens, where it is at hand. May take long, and may run on any thread."""

    @property
    def prompt_tokens(self) -> int:
        """What is left for the prompt, the tools included."""
        return self.context_tokens - min(ANSWER_TOKENS, self.context_tokens // 4)


WindowOf: TypeAlias = Callable[[], ModelWindow]
"""A model's window as it is known at the moment: servers tell more of it when they refuse something."""
