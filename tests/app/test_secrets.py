"""The key of what is kept encrypted, changed; also when the process is killed in between."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import load
from bot_host.app.folders import process_lock
from bot_host.app.secrets import rotate, secret_box
from bot_host.config.schema import Loaded
from bot_host.store import Database, make_store
from bot_host.store.secret_box import FILE, SecretBox, new_key
from bot_host.types.errors import ConfigError, NotReady, StateError
from bot_host.types.secrets import SealedSecret
from tests.store.samples import NOON


def loaded_in(folder: Path, **environ: str) -> Loaded:
    config = folder / "config.toml"
    config.touch()
    return load(config, {}, environ)


def database(loaded: Loaded) -> Database:
    return make_store(loaded.config.database.url, base=loaded.folder)


async def keep(loaded: Loaded, *accounts: str) -> None:
    box = secret_box(loaded)
    async with database(loaded) as store:
        for account in accounts:
            value = box.seal(f"token of {account}", label=f"slack/A/{account}")
            await store.put_secret(
                SealedSecret(platform="slack", app="A", account=account, value=value, updated_at=NOON)
            )


async def found(loaded: Loaded) -> list[str]:
    box = secret_box(loaded)
    async with database(loaded) as store:
        return [box.open(row.value, label=row.label) for row in await store.get_secrets("slack", "A")]


BOTH = ["token of T1", "token of T2"]


async def test_all_is_encrypted_with_a_new_key_and_the_old_one_opens_nothing(tmp_path: Path) -> None:
    loaded = loaded_in(tmp_path)
    await keep(loaded, "T1", "T2")
    old = (loaded.config.data_dir / FILE).read_text()
    assert (await rotate(loaded)).resealed == 2
    assert old not in (loaded.config.data_dir / FILE).read_text()
    assert await found(loaded) == BOTH


class Killed(BaseException):
    """As if by `kill -9`: nothing after it is done."""


@pytest.mark.parametrize(
    ("of", "at"), [(SecretBox, "add_key"), (Database, "reseal_secrets"), (SecretBox, "drop_old_keys")]
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_at_any_moment_loses_nothing_and_it_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: type, at: str, when: str
) -> None:
    loaded = loaded_in(tmp_path)
    await keep(loaded, "T1", "T2")
    real: Callable[..., Any] = getattr(of, at)

    def killed(self: Any, *args: Any) -> Any:
        if when == "before":
            raise Killed
        done = real(self, *args)
        if asyncio.iscoroutine(done):
            return after(done)
        raise Killed

    async def after(done: Any) -> None:
        await done
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(of, at, killed)
        with pytest.raises(Killed):
            await rotate(loaded)
    assert await found(loaded) == BOTH
    assert (await rotate(loaded)).resealed == 2
    assert await found(loaded) == BOTH
    assert len(secret_box(loaded).keys()) == 1


async def test_a_running_host_is_not_disturbed(tmp_path: Path) -> None:
    loaded = loaded_in(tmp_path)
    await keep(loaded, "T1")
    key = (loaded.config.data_dir / FILE).read_text()
    with process_lock(loaded) as lock:
        assert lock.try_take()
        with pytest.raises(StateError, match=r"a host is running .*: stop it"):
            await rotate(loaded)
    assert (loaded.config.data_dir / FILE).read_text() == key


async def test_a_key_of_the_environment_is_changed_by_putting_a_new_one_in_front(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    before = loaded_in(tmp_path, BOT_HOST_SECRET_KEY=old)
    await keep(before, "T1", "T2")
    assert not (before.config.data_dir / FILE).exists()
    with pytest.raises(ConfigError, match="put a new one in front of it"):
        await rotate(before)
    both = loaded_in(tmp_path, BOT_HOST_SECRET_KEY=f"{new},{old}")
    assert (await rotate(both)).resealed == 2
    assert await found(loaded_in(tmp_path, BOT_HOST_SECRET_KEY=new)) == BOTH


async def test_a_key_of_the_environment_takes_the_files_place(tmp_path: Path) -> None:
    file = loaded_in(tmp_path)
    await keep(file, "T1", "T2")
    given = loaded_in(tmp_path, BOT_HOST_SECRET_KEY=new_key())
    assert await found(given) == BOTH
    await rotate(given)
    assert not (file.config.data_dir / FILE).exists()
    assert await found(given) == BOTH


async def test_what_no_key_opens_is_left_and_named(tmp_path: Path) -> None:
    loaded = loaded_in(tmp_path)
    await keep(loaded, "T1")
    lost = (loaded.config.data_dir / FILE).rename(tmp_path / "lost")
    await keep(loaded, "T2")
    done = await rotate(loaded)
    assert (done.resealed, done.locked) == (1, ("slack/A/T1",))
    with (loaded.config.data_dir / FILE).open("a") as keys:
        keys.write(lost.read_text())
    assert await found(loaded) == BOTH


async def test_without_a_database_or_a_key_nothing_is_made(tmp_path: Path) -> None:
    loaded = loaded_in(tmp_path)
    with pytest.raises(NotReady):
        await rotate(loaded)
    assert not loaded.config.data_dir.exists()
    async with database(loaded):
        pass
    with pytest.raises(NotReady, match="nothing is kept encrypted yet"):
        await rotate(loaded)
    assert not (loaded.config.data_dir / FILE).exists()


def test_the_key_of_the_environment_is_blotted_out_of_logs(tmp_path: Path) -> None:
    key, old = new_key(), new_key()
    assert {key, old} <= set(loaded_in(tmp_path, BOT_HOST_SECRET_KEY=f"{key}, {old}").secrets)
