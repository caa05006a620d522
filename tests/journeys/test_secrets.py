"""`secrets` as an admin runs it."""

from pathlib import Path

from bot_host.kit.clock import utc_now
from bot_host.store import make_store
from bot_host.store.secret_box import FILE, SecretBox
from bot_host.types.secrets import SealedSecret
from tests.journeys.harness import bot_host, clean_environment


async def test_rotate_and_new_key_show_no_key_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    box = SecretBox(tmp_path / "data")
    row = SealedSecret(
        platform="slack",
        app="A",
        account="T",
        value=box.seal("xoxb-1", label="slack/A/T"),
        updated_at=utc_now(),
    )
    async with make_store("sqlite:///data/bot_host.db", base=tmp_path) as store:
        await store.put_secret(row)
    [old] = box.keys()
    async with bot_host("secrets", "rotate", cwd=tmp_path) as host:
        assert await host.end() == 0
        assert host.text == "1 kept secrets are encrypted with the new key; the old one is gone\n"
    [new] = SecretBox(tmp_path / "data").keys()
    assert new != old
    async with bot_host("secrets", "new-key", cwd=tmp_path) as host:
        assert await host.end() == 0
        fresh = host.text.strip()
    assert fresh not in (old, new)
    environment = clean_environment(BOT_HOST_SECRET_KEY=fresh)
    async with bot_host("secrets", "rotate", cwd=tmp_path, env=environment) as host:
        assert await host.end() == 0
    assert not (tmp_path / "data" / FILE).exists()
    async with bot_host("secrets", "rotate", cwd=tmp_path, env=environment) as host:
        assert await host.end() == 1
        assert "put a new one in front of it" in host.all_log
        assert fresh not in host.all_log + host.text
