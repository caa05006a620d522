"""The key of what is kept encrypted: where it is, and how it is changed."""

import asyncio
from dataclasses import dataclass

from bot_host.app.folders import process_lock
from bot_host.config.schema import Loaded
from bot_host.contracts.connector_app import ConnectorApp
from bot_host.host.apps import open_secret
from bot_host.store import make_store
from bot_host.store.secret_box import SecretBox, SecretsLocked
from bot_host.types.errors import ConfigError, NotReady, StateError
from bot_host.types.secrets import SECRET_KEY, KeptAccount, SealedSecret


def secret_box(loaded: Loaded) -> SecretBox:
    """The box of this configuration; it reads its key when it is needed."""
    return SecretBox(loaded.config.data_dir, given=loaded.secret_key)


async def kept_accounts(loaded: Loaded, app: ConnectorApp) -> list[KeptAccount]:
    """What is kept of an app's accounts, beside a running host or without one. Raises StoreError."""
    box = secret_box(loaded)
    try:
        async with make_store(loaded.config.database.url, base=loaded.folder, read_only=True) as store:
            rows = await store.get_secrets(app.platform, app.app_id)
    except NotReady:
        return []
    return [await asyncio.to_thread(open_secret, box, row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What `rotate` did."""

    resealed: int
    locked: tuple[str, ...]
    """What no key opens, by label: it was left as it is."""


async def rotate(loaded: Loaded) -> Rotated:
    """Seal everything with a new key. Raises BotHostError; it can be called again whatever happened.

    The new key is on disk, beside the old one, before any value is sealed with it, and the old one goes after
    all values are: a kill in between costs nothing.
    """
    box = secret_box(loaded)
    if box.from_environment and len(box.keys()) < 2:
        raise ConfigError(
            f"the key comes from {SECRET_KEY}, which only you can change: put a new one in front of it, with "
            "a comma between (`python -m bot_host secrets new-key` makes one), run this again, and then take "
            "the old one away"
        )
    # A look first: a command makes no database.
    async with make_store(loaded.config.database.url, base=loaded.folder, read_only=True):
        pass
    lock = process_lock(loaded)
    # A host that runs would go on sealing with the old key.
    if not lock.try_take():
        raise StateError(f"a host is running (process {lock.holder}): stop it, run this, and start it again")
    try:
        return await _rotate(loaded, box)
    finally:
        lock.release()


async def _rotate(loaded: Loaded, box: SecretBox) -> Rotated:
    if not box.keys():
        raise NotReady("nothing is kept encrypted yet: there is no key to change")
    if not box.from_environment:
        box.add_key()
    locked: list[str] = []

    def turn(secret: SealedSecret) -> str | None:
        if not secret.value:
            return None
        try:
            return box.seal(box.open(secret.value, label=secret.label), label=secret.label)
        except SecretsLocked:
            locked.append(secret.label)
            return None

    async with make_store(loaded.config.database.url, base=loaded.folder) as store:
        resealed = await store.reseal_secrets(turn)
    box.drop_old_keys()
    return Rotated(resealed=resealed, locked=tuple(sorted(set(locked))))
