"""What one model on one server will not take, learned from its refusals."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

_REFUSALS = frozenset({400, 404, 422, 500, 501})
"""llama.cpp says 500 of tools without --jinja, OpenRouter 404 of a model without tool support."""
_NO_TOOLS = re.compile(
    r"(?:not|n't|no)\b[^.]{0,60}\b(?:support|recogni[sz]ed|permitted|allowed|enabled|available)"
    r"[^.]{0,40}\b(?:tools?|tool[ _]?(?:use|choice|calling)|function[ _-]?calling)\b"
    r"|\b(?:tools?|tool[ _](?:use|choice|calling)|function[ _-]?calling)\b[^.]{0,60}"
    r"\b(?:not (?:supported|permitted|allowed|enabled|available)|unsupported|requires?\b)"
    r"|no endpoints found that support tool"
    r"|(?:unknown|unrecogni[sz]ed|unsupported|extra)[^.]{0,60}\btools\b"
)

_FORMAT = re.compile(r"response_format|response format|json_schema|json_object|structured output|grammar")
_UNKNOWN = re.compile(
    r"unsupported|not supported|unrecogni[sz]ed|unknown|unexpected|extra|not permitted|invalid field"
)

SAMPLING: Final = ("top_p", "frequency_penalty", "presence_penalty", "seed", "stop")
"""Ways to steer the choice of words that models of OpenAI's kind take, or refuse when they think."""
SAMPLING_ELSEWHERE: Final = ("top_k", "min_p", "repetition_penalty")
"""Those of vLLM, llama.cpp, OpenRouter and others; OpenAI refuses them."""

LEAST_TOKENS: Final = 2048
"""A limit for models that think before they write: their thoughts count too."""


def is_small_limit(body: Mapping[str, Any]) -> bool:
    """Whether `body` leaves a model that thinks too little room for its answer."""
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return limit is not None and limit < LEAST_TOKENS


def _plain_no(param: str | None, about: str) -> bool:
    return param == "tools" and "schema" not in about


@dataclass(slots=True)
class Quirks:
    """How to ask one model. Starts hopeful; `learn` takes away what was refused."""

    stream_options: bool = True
    tools: bool = True
    temperature: bool = True
    completion_limit: bool = False
    """The limit is called `max_completion_tokens` (reasoning models refuse `max_tokens`)."""
    effort_none: bool = False
    """Tools only together with `reasoning_effort: none`."""
    thinks: bool = False
    """Used up a small limit on thoughts and wrote nothing: small limits are raised."""

    response_format: Literal["json_schema", "json_object", ""] = "json_schema"
    """How to ask for an object; empty: in words only."""
    refused: set[str] = field(default_factory=set)
    """Names out of SAMPLING and SAMPLING_ELSEWHERE."""

    def learn(self, status: int, param: str | None, text: str, body: Mapping[str, Any]) -> str:
        """Understand a refusal of `body`. What will be different next time, in words; empty: nothing.

        OpenAI's models since GPT-5.4 refuse tools on Chat Completions unless `reasoning_effort` is `none`,
        even when no effort was sent; those that cannot go without thinking take no tools there at all.
        """
        if status not in _REFUSALS:
            return ""
        about = f"{param or ''} {text}".lower()
        # Judge by what was sent, not by what is known by now: requests run side by side.
        if "reasoning_effort" in about and "tools" in body:
            if body.get("reasoning_effort") != "none":
                self.effort_none = True
                return "tools go together with reasoning_effort none"
            self.tools = False
            return "no tools: this model takes them only over the Responses API"
        if "stream_options" in about and "stream_options" in body:
            self.stream_options = False
            return "no stream_options"
        if "could not finish the message" in about and is_small_limit(body):
            self.thinks = True
            return "small limits are raised"
        for name, flag in (("max_tokens", True), ("max_completion_tokens", False)):
            if name in body and re.search(rf"\b{name}\b", about) and _UNKNOWN.search(about):
                self.completion_limit = flag
                return f"the limit is not called {name}"
        if "response_format" in body and _FORMAT.search(about):
            self.response_format = "json_object" if self.response_format == "json_schema" else ""
            return f"objects are asked for with {self.response_format or 'words only'}"
        sent = {**body, **body.get("extra_body", {})}
        for name in (*SAMPLING, *SAMPLING_ELSEWHERE):
            named = param == name or re.search(rf"['\"`]{name}['\"`]", about)
            if name in sent and named and _UNKNOWN.search(about):
                self.refused.add(name)
                return f"no {name}"
        if "temperature" in about and "temperature" in body:
            self.temperature = False
            return "no temperature"
        if "tools" in body and (_plain_no(param, about) or _NO_TOOLS.search(about)):
            self.tools = False
            return "no tools"
        return ""
