"""Text for a bare prompt (elizaos.md 2.10-12)."""

from typing import Any

from bot_host.contracts.plugin import Agent
from bot_host.types.errors import StateError
from bot_host.types.models import ChatMessage, ModelType, TextRequest, TextResult


async def generate_text(
    agent: Agent,
    input: str,
    *,
    include_character: bool = True,
    model_type: ModelType | str = ModelType.TEXT_LARGE,
    **params: Any,
) -> TextResult:
    """Ask a text model. `include_character`: as the character, with its bio and style.

    `params` are those of TextRequest. Raises StateError for a blank input, ModelError.
    """
    if not input.strip():
        raise StateError("generate_text needs some text")
    messages = [ChatMessage(role="user", content=input)]
    if include_character:
        messages.insert(0, ChatMessage(role="system", content=_voice(agent)))
    try:
        request = TextRequest(messages=tuple(messages), **params)
    except TypeError as error:
        raise StateError(f"generate_text: {error}") from None
    return await agent.use_model(model_type, request)


def _voice(agent: Agent) -> str:
    character = agent.character
    parts = [character.system.strip() if character.system else f"You are {character.name}."]
    if character.bio:
        parts.append(f"About {character.name}:\n" + "\n".join(f"- {line}" for line in character.bio))
    style = [*character.style.all, *character.style.chat]
    if style:
        parts.append("How to write:\n" + "\n".join(f"- {line}" for line in style))
    return "\n\n".join(parts)
