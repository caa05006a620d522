"""How much fits into the models of a server: by the settings, by what it said, by the model's name."""

import logging
import re
from typing import Any, Final

from bot_host.plugin import CONTEXT_TOKENS, ModelWindow, WindowOf
from bot_host.plugins.openai.config import OpenAIConfig
from bot_host.plugins.openai.tokens import Pieces, Tokens

log = logging.getLogger(__name__)

# Longest beginning of a name first; a maker's name before it ("openai/gpt-4o") is passed over. As of November
# 2026, by the makers' own pages and LiteLLM's table of models (1.109.1).
_KNOWN: Final = (
    ("gpt-3.5-turbo", 16_385),
    ("gpt-4-32k", 32_768),
    ("gpt-4-turbo", 128_000),
    ("gpt-4-1106", 128_000),
    ("gpt-4o", 128_000),
    ("gpt-4.1", 1_047_576),
    ("gpt-4", 8_192),
    ("gpt-5.4-mini", 272_000),
    ("gpt-5.4-nano", 272_000),
    ("gpt-5.4", 1_050_000),
    ("gpt-5.5", 1_050_000),
    ("gpt-5.6", 922_000),
    ("gpt-5-chat", 128_000),
    ("gpt-5", 128_000),
    ("gpt-6", 922_000),
    ("o1", 200_000),
    ("o3", 200_000),
    ("o4", 200_000),
    ("gpt-oss", 131_072),
    ("claude-", 200_000),
    ("gemini-", 1_048_576),
    ("deepseek-", 98_304),
)
_OPENAI: Final = re.compile(r"(?:gpt-(?:4o|4\.1|4\.5|5|6|oss)|o[134]\b|chatgpt-)")
"""Models whose vocabulary is o200k_base, or made like it."""

_TOO_LONG: Final = re.compile(
    r"context[ _]length[ _]exceeded|maximum context length|context length is only|loaded with context length"
    r"|exceeds? the (?:available )?context|exceed_context_size|context window|prompt is too long"
    r"|input token count|(?:prompt|input|request)\b[^.]{0,60}\btoo (?:long|large) for (?:the )?model",
    re.IGNORECASE,
)
_FIGURES: Final = (
    re.compile(r"maximum context length (?:is|of) (\d{3,8})", re.IGNORECASE),
    re.compile(r"context length (?:is|of) only (\d{3,8})", re.IGNORECASE),
    re.compile(r"available context size \((\d{3,8})", re.IGNORECASE),
    re.compile(r"> ?(\d{3,8}) maximum", re.IGNORECASE),
    re.compile(r"maximum number of tokens allowed \((\d{3,8})", re.IGNORECASE),
    re.compile(r"(\d{3,8}) maximum context length", re.IGNORECASE),
)
"""How servers say what fits: OpenAI and vLLM, vLLM from 0.16 and LM Studio, llama.cpp, Anthropic, Gemini,
Mistral."""
_STATUSES: Final = frozenset({400, 413, 422, 500})


def too_long(status: int, code: object, text: str, body: object) -> tuple[bool, int | None]:
    """Whether a refusal says that the prompt does not fit, and what would, where it says so.

    llama.cpp gives the figure as `n_ctx` beside the message.
    """
    about = f"{code} {text}"
    if status not in _STATUSES or not _TOO_LONG.search(about):
        return False, None
    told: Any = body.get("n_ctx") if isinstance(body, dict) else None
    if isinstance(told, int) and told > 0:
        return True, told
    for figure in _FIGURES:
        found = figure.search(text)
        if found is not None:
            return True, int(found[1])
    return True, None


def known_window(model: str) -> int | None:
    """What is known by a model's name."""
    name = model.rpartition("/")[2].lower().removeprefix("ft:")
    return next((tokens for start, tokens in _KNOWN if name.startswith(start)), None)


class Windows:
    """The windows of one server's models."""

    def __init__(self, config: OpenAIConfig, tokens: Tokens) -> None:
        self._config = config
        self._tokens = tokens
        self._learned: dict[str, int] = {}

    def learn(self, model: str, tokens: int) -> None:
        """The server says that so much fits."""
        if self._learned.get(model) != tokens:
            log.warning("%s at %s: %d tokens fit into its context", model, self._config.place, tokens)
            self._learned[model] = tokens

    def of(self, size: str) -> WindowOf:
        """The window of a key's model (`small`, `large` …)."""

        def window() -> ModelWindow:
            return self.find(self._config.name_of(size))

        return window

    def find(self, model: str) -> ModelWindow:
        """What the settings say of it, else its name; less, where the server has said less."""
        config = self._config
        context = config.contexts.get(model) or config.context_tokens or known_window(model) or CONTEXT_TOKENS
        name = model.rpartition("/")[2].lower()
        true = not isinstance(self._tokens, Pieces) and _OPENAI.match(name) is not None
        count = (lambda text: len(self._tokens.encode(text))) if true else None
        return ModelWindow(context_tokens=min(context, self._learned.get(model, context)), count=count)
