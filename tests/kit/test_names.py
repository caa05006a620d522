"""Slips of the pen."""

import pytest

from bot_host.kit.names import did_you_mean, nearest

KNOWN = ["log_level", "data_dir", "Token", "base_url"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("log_levl", "log_level"),
        ("loglevel", "log_level"),
        ("LOG_LEVEL", "log_level"),
        ("token", "Token"),
        ("data-dir", "data_dir"),
        ("zzz", None),
        ("", None),
    ],
)
def test_nearest(name: str, expected: str | None) -> None:
    assert nearest(name, KNOWN) == expected


def test_nothing_is_known() -> None:
    assert nearest("a", []) is None


def test_sentence() -> None:
    assert did_you_mean("log_levl", KNOWN) == ' (did you mean "log_level"?)'
    assert did_you_mean("zzz", KNOWN) == ""
