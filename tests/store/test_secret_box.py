"""Secrets at rest: the key, its file, and what opens what."""

import os
import stat
import sys
from pathlib import Path

import pytest

from bot_host.store.secret_box import FILE, SecretBox, SecretsLocked, new_key
from bot_host.types.errors import ConfigError


def test_a_key_is_made_when_it_is_first_needed_for_its_owner_alone(tmp_path: Path) -> None:
    box = SecretBox(tmp_path / "data")
    assert not (tmp_path / "data").exists()
    sealed = box.seal("xoxb-1", label="slack/A/T")
    assert "xoxb-1" not in sealed
    assert stat.S_IMODE((tmp_path / "data" / FILE).stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "data") == [FILE]
    # Another process, later.
    assert SecretBox(tmp_path / "data").open(sealed, label="slack/A/T") == "xoxb-1"


def test_opening_makes_no_key(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path / "other").seal("x", label="a")
    with pytest.raises(SecretsLocked, match="is gone; put the old key back"):
        SecretBox(tmp_path).open(sealed, label="a")
    assert os.listdir(tmp_path) == ["other"]


@pytest.mark.skipif(os.name != "posix", reason="modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_key_that_others_can_read_is_refused_with_the_way_out(tmp_path: Path, mode: int) -> None:
    SecretBox(tmp_path).prepare()
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(ConfigError, match=r"others can read .*: chmod 600 .*secret.key"):
        SecretBox(tmp_path).prepare()


def test_another_key_opens_nothing_and_says_so_without_showing_one(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path).seal("x", label="a")
    other = new_key()
    with pytest.raises(
        SecretsLocked, match="another key; put the old key back into BOT_HOST_SECRET_KEY"
    ) as info:
        SecretBox(tmp_path / "empty", given=other).open(sealed, label="a")
    assert other not in str(info.value)


def test_the_old_key_beside_a_new_one_opens_again(tmp_path: Path) -> None:
    sealed = SecretBox(tmp_path).seal("x", label="a")
    box = SecretBox(tmp_path, given=new_key())
    assert box.open(sealed, label="a") == "x"
    # What is sealed now is sealed with the first key.
    assert SecretBox(tmp_path / "empty", given=box.keys()[0]).open(box.seal("y", label="b"), label="b") == "y"


def test_what_was_swapped_between_accounts_does_not_open(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    with pytest.raises(SecretsLocked, match="kept for slack/A/T2 belongs to slack/A/T1"):
        box.open(box.seal("x", label="slack/A/T1"), label="slack/A/T2")


@pytest.mark.parametrize("text", ["", "\n", "no key", "é"])
def test_a_file_without_a_key_is_refused_and_left(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(ConfigError, match=r"secret\.key"):
        SecretBox(tmp_path).prepare()
    assert (tmp_path / FILE).read_text(encoding="utf-8") == text


def test_a_variable_that_is_no_key_says_how_to_get_one() -> None:
    with pytest.raises(ConfigError, match=r"BOT_HOST_SECRET_KEY holds .* secrets new-key"):
        SecretBox(Path("nowhere"), given="hunter2").prepare()


def test_of_two_that_make_a_key_at_once_both_use_the_same(tmp_path: Path) -> None:
    first, second = SecretBox(tmp_path), SecretBox(tmp_path)
    assert first.keys() == second.keys() == []
    first.prepare()
    second._make()
    assert second.open(first.seal("x", label="a"), label="a") == "x"
    assert len(first.keys()) == 1


def test_a_new_key_goes_in_front_and_the_old_one_goes_later(tmp_path: Path) -> None:
    box = SecretBox(tmp_path)
    before = box.seal("x", label="a")
    [old] = box.keys()
    box.add_key()
    assert box.keys()[1:] == [old]
    assert box.open(before, label="a") == "x"
    after = box.seal("x", label="a")
    with pytest.raises(SecretsLocked):
        SecretBox(tmp_path / "empty", given=old).open(after, label="a")
    box.drop_old_keys()
    assert [old] != box.keys() != []
    assert box.open(after, label="a") == "x"
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_without_the_package_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigError, match=r'pip install "bot-host\[slack-oauth\]"'):
        SecretBox(tmp_path).seal("x", label="a")
    assert not (tmp_path / FILE).exists()
