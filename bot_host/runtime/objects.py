"""Objects from a text model: JSON asked for, read, checked, with one attempt to mend it."""

import json
import logging
import re
from typing import Any, Final

from bot_host.contracts.plugin import Agent
from bot_host.kit.json_schema import faults
from bot_host.types.errors import ModelError
from bot_host.types.models import ChatMessage, ModelType, ObjectRequest, TextRequest

log = logging.getLogger(__name__)

_ORDER: Final = "Answer with one JSON object and nothing else: no explanation, no code fence."
TRIES: Final = 50
"""Opening braces looked at: a hostile answer must not cost the square of its length."""
_FENCE: Final = re.compile(r"```[a-zA-Z]*\s*(.*?)```", re.DOTALL)


async def object_by_text(
    agent: Agent, type: ModelType, request: ObjectRequest, provider: str | None = None
) -> dict[str, Any]:
    """What an object model would answer. Raises ModelError when the second answer does not fit either."""
    kind = ModelType.TEXT_SMALL if type is ModelType.OBJECT_SMALL else ModelType.TEXT_LARGE
    schema = json.dumps(request.schema, ensure_ascii=False)
    messages: tuple[ChatMessage, ...] = (
        ChatMessage(role="system", content=f"{_ORDER} It fits this schema:\n{schema}"),
        ChatMessage(role="user", content=request.prompt),
    )
    wrong: list[str] = []
    for _ in range(2):
        answer = await agent.use_model(
            kind, TextRequest(messages=messages, temperature=request.temperature), provider
        )
        value = read_object(answer.text)
        wrong = ["no JSON object was found"] if value is None else faults(value, request.schema)
        if value is not None and not wrong:
            return value
        log.info("the model's object does not fit: %s", "; ".join(wrong))
        messages = (
            *messages,
            ChatMessage(role="assistant", content=answer.text),
            ChatMessage(role="user", content=f"That does not fit: {'; '.join(wrong)}. {_ORDER}"),
        )
    raise ModelError(f"the model gave no object of the wanted shape: {'; '.join(wrong)}")


def read_object(text: str) -> dict[str, Any] | None:
    """The first JSON object in a text, in a code fence or bare."""
    fenced = _FENCE.search(text)
    decoder = json.JSONDecoder()
    for part in (text, fenced.group(1) if fenced else ""):
        start = part.find("{")
        for _ in range(TRIES):
            if start < 0:
                break
            try:
                value, _ = decoder.raw_decode(part, start)
            except (ValueError, RecursionError):
                start = part.find("{", start + 1)
                continue
            if isinstance(value, dict):
                return value
    return None
