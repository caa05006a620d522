"""The offline model: no network, no key; a demonstration so that the first run answers at once."""

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from bot_host.plugin import (
    Agent,
    DetokenizeRequest,
    ModelError,
    ModelHandler,
    ModelType,
    Plugin,
    TextRequest,
    TextResult,
    TokenizeRequest,
    Usage,
    clean_text,
    from_pieces,
    to_pieces,
)
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


async def encode(_agent: Agent, request: TokenizeRequest) -> list[int]:
    """An estimate of the tokens of a text (`bot_host.kit.pieces`)."""
    return to_pieces(request.text)


async def decode(_agent: Agent, request: DetokenizeRequest) -> str:
    """The text of what `encode` gave. Raises ModelError for other numbers."""
    try:
        return from_pieces(request.tokens)
    except ValueError as error:
        raise ModelError(str(error)) from None


_OFFERS: Final[Mapping[ModelType, ModelHandler]] = {
    ModelType.TEXT_SMALL: generate,
    ModelType.TEXT_LARGE: generate,
    ModelType.TEXT_TOKENIZER_ENCODE: encode,
    ModelType.TEXT_TOKENIZER_DECODE: decode,
}


async def _init(_config: Mapping[str, Any], agent: Agent) -> None:
    for kind, handler in _OFFERS.items():
        agent.register_model(kind, handler, provider="offline", priority=PRIORITY)
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
