"""What an agent shows of itself to one person."""

import sqlite3
from pathlib import Path

from bot_host.connector import ConnectorHost
from bot_host.runtime import AgentOptions, Limits
from bot_host.testing import FakePlatform
from bot_host.types.cards import Allowance
from bot_host.types.ids import create_unique_uuid
from tests.host.conftest import Houses, house, house_at

__all__ = ["house", "house_at"]


class Asking(FakePlatform):
    """A platform that hands its host out."""

    async def host(self) -> ConnectorHost:
        async with self._news:
            await self._news.wait_for(lambda: self._host is not None)
        assert self._host is not None
        return self._host


def people(folder: Path) -> int:
    database = sqlite3.connect(folder / "bot.db")
    try:
        [(count,)] = database.execute("SELECT (SELECT count(*) FROM entities) + (SELECT count(*) FROM rooms)")
        return int(count)
    finally:
        database.close()


async def test_name_and_what_it_is_for(house_at: Houses, tmp_path: Path) -> None:
    platform = Asking()
    async with house_at(platform=platform):
        before = people(tmp_path)
        card = await (await platform.host()).card("ada", "dm")
        assert (card.name, card.about, card.language, card.allowances) == ("Eliza", "Helps.", "", ())
        assert people(tmp_path) == before


async def test_language_and_what_is_left(house_at: Houses) -> None:
    platform = Asking()
    options = AgentOptions(
        limits=Limits(entity_messages_per_minute=5, tokens_per_day=1_000_000, cost_per_day=2.5)
    )
    async with house_at(platform=platform, options=options) as house:
        await platform.say("hello", room="dm", person="ada")
        await platform.say("/settings language:Deutsch", room="dm", person="ada")
        await platform.wait_sent(2)
        await house.host.finish_pending()
        card = await (await platform.host()).card("ada", "dm")
        assert card.language == "Deutsch"
        messages, tokens, cost = card.allowances
        assert messages == Allowance(kind="messages", used=2, most=5)
        assert messages.left == 3
        assert (tokens.kind, tokens.most) == ("tokens", 1_000_000)
        assert 0 < tokens.used < 1_000
        assert (cost.kind, cost.most) == ("cost", 2.5)
        assert (await (await platform.host()).card("ben", "other")).allowances[0].used == 0
        house.host.get_agent(house.agent_id).owners.add(create_unique_uuid(house.agent_id, "ada"))
        assert (await (await platform.host()).card("ada", "dm")).allowances == ()


def test_nothing_is_left_of_what_is_used_up() -> None:
    assert Allowance(kind="tokens", used=12, most=10).left == 0
