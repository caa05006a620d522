"""The offline model: no network, no key; a demonstration so that the first run answers at once."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from bot_host.plugin import Agent, ModelType, Plugin, TextRequest, TextResult, Usage, clean_text
from bot_host.plugins.offline.engine import answer

log = logging.getLogger(__name__)

PRIORITY = -100
"""Below every other model, and so low that it is no fail-over: asked only where nobody else offers a kind."""
_WORDS = re.compile(r"\s*\S+\s*")


async def generate(_agent: Agent, request: TextRequest) -> TextResult:
    """Answer from the request's messages alone; tools are ignored. Never fails.

    Streams by words. Tokens are counted as characters divided by 4.
    """
    text = clean_text(answer(request.messages))
    if request.on_chunk is not None:
        for word in _WORDS.findall(text):
            await request.on_chunk(word)
    prompt = sum(len(message.content) for message in request.messages)
    usage = Usage(prompt_tokens=-(-prompt // 4), completion_tokens=-(-len(text) // 4))
    return TextResult(text=text, usage=usage, model="offline")


async def _init(_config: Mapping[str, Any], agent: Agent) -> None:
    for kind in (ModelType.TEXT_SMALL, ModelType.TEXT_LARGE):
        agent.register_model(kind, generate, provider="offline", priority=PRIORITY)
    log.info(
        "the offline model is ready: a demonstration that answers by fixed patterns; for a real model set "
        "OPENAI_API_KEY, or base_url in [models.openai] of config.toml"
    )


plugin = Plugin(
    name="offline",
    description="A small pattern responder that needs no network and no key: a demonstration",
    init=_init,
    priority=-50,
)
