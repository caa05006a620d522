"""Who runs a bot is its owner wherever it is, by the platform's own user id."""

from pathlib import Path

import pytest

from bot_host.app.build import build, load
from bot_host.kit.logs import SecretMask
from bot_host.types.ids import create_unique_uuid


@pytest.mark.parametrize(
    ("table", "environ", "key"),
    [
        ("[connectors.telegram]\nowners = ['42']", {"TELEGRAM_BOT_TOKEN": "1:abc"}, "42"),
        ("[connectors.discord]\nowners = ['42']", {"DISCORD_BOT_TOKEN": "abc.def.ghi"}, "42"),
        (
            "[connectors.slack]\nowners = ['U0ADA']",
            {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"},
            "slack-user-U0ADA",
        ),
    ],
)
async def test_configured_owners_own_every_world(
    table: str, environ: dict[str, str], key: str, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text(table, encoding="utf-8")
    loaded = load(tmp_path / "config.toml", {}, environ)
    built = await build(loaded, mask=SecretMask())
    try:
        [agent] = built.host.get_agents()
        assert agent.owners == {create_unique_uuid(agent.agent_id, key)}
    finally:
        await built.host.stop(0)
