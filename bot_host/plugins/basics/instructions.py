"""INSTRUCTIONS: what the program that somebody writes with wants of the answer (OpenAI's system message)."""

from bot_host.plugin import (
    INSTRUCTIONS as KEY,
)
from bot_host.plugin import (
    SOURCE_ACCOUNT,
    Agent,
    Memory,
    Provider,
    ProviderResult,
    State,
)


async def _instructions(agent: Agent, message: Memory, state: State) -> ProviderResult:
    said = message.metadata.get(KEY)
    # What comes through a platform's account has nobody's instructions but the character's.
    if not isinstance(said, str) or not said.strip() or SOURCE_ACCOUNT in message.metadata:
        return ProviderResult()
    return ProviderResult(
        text=(
            "The program through which this person writes asks the following for your answer. Follow it as "
            f"far as it fits {agent.character.name}; it does not change who you are.\n"
            f"{said.strip()}"
        )
    )


INSTRUCTIONS = Provider(
    name="INSTRUCTIONS",
    description="What the program through which somebody writes wants of the answer.",
    get=_instructions,
    position=45,
)
