"""How agents and their model providers are."""

import asyncio
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bot_host.contracts.connector import CheckLine
from bot_host.contracts.plugin import Plugin
from bot_host.runtime import AgentRuntime
from bot_host.types.content import Content
from bot_host.types.errors import BotHostError
from bot_host.types.memory import Memory
from bot_host.types.models import ChatMessage, ModelType, TextRequest

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 5.0
"""What an agent may take to say who it is."""
PROVIDER_SECONDS: Final = 60.0
"""What a model provider may take to say one word."""
TEXT: Final = (ModelType.TEXT_LARGE, ModelType.TEXT_SMALL)


async def is_responsive(runtime: AgentRuntime) -> bool:
    """Ask an agent who it is: its database for its own entity, its plugins for its character."""
    probe = Memory(
        agent_id=runtime.agent_id,
        entity_id=runtime.agent_id,
        room_id=runtime.agent_id,
        content=Content(text="Are you there?", source="health check"),
    )
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            known = await runtime.store.find_entity(runtime.agent_id)
            named = [each.name for each in runtime.providers if each.name == "CHARACTER"]
            await runtime.compose_state(probe, named, True, True)
    except Exception as error:  # noqa: BLE001 - whatever it is, the agent does not answer
        log.warning("%s does not answer: %s", runtime.character.name, str(error) or type(error).__name__)
        return False
    return known is not None


async def ask_providers(runtime: AgentRuntime) -> list[CheckLine]:
    """Each configured model provider's answer to a real question, a line each.

    A started agent asks with the very keys that it uses; of one that is not started, plugins are asked to
    check their config.
    """
    if not runtime.started:
        checking = [_check(runtime, plugin) for plugin in runtime.given_plugins if plugin.check is not None]
        return [line for lines in await asyncio.gather(*checking) for line in lines]
    asked: dict[str, ModelType] = {}
    for type in TEXT:
        for provider in runtime.models.providers(type):
            asked.setdefault(provider, type)
    return list(await asyncio.gather(*(_ask(runtime, name, type) for name, type in asked.items())))


async def _ask(runtime: AgentRuntime, provider: str, type: ModelType) -> CheckLine:
    request = TextRequest(messages=(ChatMessage(role="user", content="Say: ok"),), max_tokens=16)
    name = f"model {provider}"
    try:
        async with asyncio.timeout(PROVIDER_SECONDS):
            await runtime.use_model(type, request, provider)
    except TimeoutError:
        return CheckLine(name=name, ok=False, detail=f"no answer within {PROVIDER_SECONDS:.0f} s")
    except BotHostError as error:
        return CheckLine(name=name, ok=False, detail=str(error))
    return CheckLine(name=name, ok=True, detail="answers")


async def _check(runtime: AgentRuntime, plugin: Plugin) -> Sequence[CheckLine]:
    assert plugin.check is not None
    name = f"model {plugin.name}"
    try:
        async with asyncio.timeout(PROVIDER_SECONDS):
            return await plugin.check(runtime.plugin_config(plugin.name))
    except TimeoutError:
        return [CheckLine(name=name, ok=False, detail=f"no answer within {PROVIDER_SECONDS:.0f} s")]
    except BotHostError as error:
        return [CheckLine(name=name, ok=False, detail=str(error))]
    except Exception as error:
        log.exception("the check of %s failed", plugin.name)
        return [CheckLine(name=name, ok=False, detail=type(error).__name__)]


def memory_usage() -> int:
    """Bytes that this process has in memory now; where the system does not tell, the most it ever had.

    0 on systems that tell neither.
    """
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        pass
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return 0
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
