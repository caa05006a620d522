"""Sealed secrets as rows."""

import pytest

from bot_host.store import Database
from bot_host.types.errors import StoreError
from bot_host.types.secrets import SealedSecret
from tests.store.samples import NOON


def sealed(account: str, value: str, *, app: str = "A1", **about: str) -> SealedSecret:
    return SealedSecret(platform="slack", app=app, account=account, value=value, about=about, updated_at=NOON)


async def test_the_newest_of_an_account_counts(store: Database) -> None:
    await store.put_secret(sealed("T2", "two"))
    await store.put_secret(sealed("T1", "one", name="One"))
    await store.put_secret(sealed("T1", "one again", name="Uno"))
    await store.put_secret(sealed("T1", "another app's", app="A2"))
    assert await store.get_secrets("slack", "A1") == [
        sealed("T1", "one again", name="Uno"),
        sealed("T2", "two"),
    ]
    assert await store.get_secrets("slack", "A3") == []


async def test_all_are_sealed_anew_or_none(store: Database) -> None:
    rows = [sealed("T1", "one"), sealed("T2", "two"), sealed("T3", "")]
    for row in rows:
        await store.put_secret(row)

    def broken(secret: SealedSecret) -> str | None:
        if secret.account == "T2":
            raise StoreError("no")
        return "new"

    with pytest.raises(StoreError):
        await store.reseal_secrets(broken)
    assert await store.get_secrets("slack", "A1") == rows
    assert await store.reseal_secrets(lambda secret: f"new {secret.value}" if secret.value else None) == 2
    assert [row.value for row in await store.get_secrets("slack", "A1")] == ["new one", "new two", ""]
