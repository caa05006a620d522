"""What roles on a platform make of people: said by its connector, and by nobody else."""

from dataclasses import replace
from typing import Any

import pytest

from bot_host.connector import ConnectorConfig
from bot_host.types.memory import PLATFORM_ROLE, Memory
from bot_host.types.places import Role
from tests.host.conftest import House, Houses


class Config(ConnectorConfig):
    role_shape = "[0-9]+"


async def role_of(house: House, memory: Memory) -> Role:
    return await house.host.get_agent(house.agent_id).get_sender_role(memory)


@pytest.mark.parametrize(
    ("held", "role"),
    [((), Role.NONE), (("3",), Role.NONE), (("1", "3"), Role.ADMIN), (("1", "2"), Role.OWNER)],
)
async def test_the_highest_counts(house_at: Houses, held: tuple[str, ...], role: Role) -> None:
    async with house_at(config=Config(roles={"1": "admin", "2": "owner"})) as house:
        said = house.platform.message("hi")
        await house.platform.accept(replace(said, sender=replace(said.sender, roles=held)))
        await house.platform.wait_sent()
        [row] = await house.store.find_received("1")
        memory = await house.store.find_memory(row.memory_id or "")
        assert memory is not None
        assert await role_of(house, memory) is role


async def test_a_caller_of_the_library_cannot_bring_one(house: House) -> None:
    given: dict[str, Any] = {
        "entity_id": "11111111-1111-4111-8111-111111111111",
        "room_id": "22222222-2222-4222-8222-222222222222",
        "content": {"text": "hi"},
        "metadata": {PLATFORM_ROLE: "OWNER", "mine": 1},
    }
    result = await house.host.handle_message(house.agent_id, given)
    memory = await house.store.find_memory(result.message_id)
    assert memory is not None
    assert memory.metadata["mine"] == 1
    assert await role_of(house, memory) is Role.NONE
