"""What counts as trouble, and how time spans read."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import load
from bot_host.app.pulse import is_starting
from bot_host.app.status import Looked, as_lines, problems_of, span
from bot_host.config.schema import Loaded
from bot_host.kit.clock import utc_now
from bot_host.types.ledger import EventKind, Figures, Queue, Tally

NOW = utc_now()
ON = {"name": "discord", "state": "connected", "error": "", "last_error": "", "label": "Bot"}
ON |= {"account": "discord:1", "since": NOW.isoformat(), "last_error_at": None, "last_event_at": None}
LIVE = {"at": NOW.isoformat(), "agents": [{"name": "Eliza", "started": True}], "connectors": [ON]}


def figures(*, received: int = 0, inbox: float | None = None, outbox: float | None = None) -> Figures:
    """Of a database in which the oldest message and part came so many seconds ago."""

    def queue(age: float | None) -> Queue:
        if age is None:
            return Queue()
        return Queue(waiting=1, oldest_at=NOW - timedelta(seconds=age))

    tally = Tally(
        account="discord:1",
        kind=EventKind.MESSAGE,
        end="received",
        reason="",
        count=received,
        first_at=NOW,
        last_at=NOW,
        last_seq=1,
    )
    return Figures(
        tallies=(tally,) if received else (),
        accounts=(),
        inbox=queue(inbox),
        outbox=queue(outbox),
        inbox_error=None,
        outbox_error=None,
    )


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    (tmp_path / "config.toml").write_text('[connectors.discord]\ntoken = "x"\n', encoding="utf-8")
    return load(tmp_path / "config.toml", {}, {})


def looked(**more: Any) -> Looked:
    fields: dict[str, Any] = {
        "now": NOW,
        "running": True,
        "pid": "7",
        "age_s": 1.0,
        "live": LIVE,
        "figures": figures(),
        **more,
    }
    return Looked(**fields)


def test_a_healthy_host_has_no_problem(loaded: Loaded) -> None:
    assert list(problems_of(looked(figures=figures(received=1, inbox=30.0, outbox=30.0)), loaded)) == []


PROBLEMS: dict[str, tuple[dict[str, Any], str]] = {
    "down": ({"running": False}, "the host is not running"),
    "silent": ({"age_s": 60.0}, "the host (process 7) has not said for 1 min how it is"),
    "starting": ({"live": {}, "age_s": None}, "has not said yet how it is"),
    "no database": ({"live": {"pid": 7, "database_error": "disk full"}}, "does not answer: disk full"),
    "agent": (
        {"live": LIVE | {"agents": [{"name": "Bob", "started": False}]}},
        "the agent Bob is not started",
    ),
    "connector": (
        {"live": LIVE | {"connectors": [ON | {"state": "waiting", "error": "HTTP\n500"}]}},
        "discord is waiting: HTTP 500",
    ),
    "not there": ({"live": LIVE | {"connectors": []}}, "discord is configured and does not run"),
    "old message": (
        {"figures": figures(received=1, inbox=3700.0)},
        "a message waits for its turn for 1 h 1 min",
    ),
    "old part": ({"figures": figures(outbox=601.0)}, "an answer waits to be sent for 10 min 1 s"),
    "unbalanced": ({"figures": figures(received=2)}, "not every message is accounted for (2 received ≠ 0"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_each_trouble_is_named(name: str, loaded: Loaded) -> None:
    more, words = PROBLEMS[name]
    [problem] = problems_of(looked(**more), loaded)
    assert words in problem


def test_one_that_came_to_its_end_is_no_trouble(loaded: Loaded) -> None:
    live = LIVE | {"connectors": [ON, ON | {"name": "terminal", "state": "stopped"}]}
    assert list(problems_of(looked(live=live), loaded)) == []


def test_a_host_that_is_down_is_told_once_whatever_waits(loaded: Loaded) -> None:
    down = looked(running=False, live={}, figures=figures(received=1, inbox=90000.0))
    assert list(problems_of(down, loaded)) == ["the host is not running"]


def test_a_host_says_more_often_how_it_is_until_all_has_started() -> None:
    assert is_starting(LIVE | {"agents": []})
    assert is_starting(LIVE | {"agents": [{"name": "Bob", "started": False}]})
    assert is_starting(LIVE | {"connectors": [ON, ON | {"state": "starting"}]})
    assert not is_starting(LIVE)
    assert not is_starting(LIVE | {"connectors": [ON | {"state": "waiting"}]})


def test_names_from_outside_are_shown_in_one_line() -> None:
    strange = ON | {"label": "Bot\x1b[31m\nof Ada", "last_error": "x\ny", "last_error_at": NOW.isoformat()}
    lines = dict(as_lines(looked(live=LIVE | {"connectors": [strange]})))
    assert lines["discord"].isprintable()


def test_what_an_account_waits_for_is_told_with_the_reason() -> None:
    until = NOW + timedelta(hours=1)
    held = ON | {"held_until": until.isoformat(), "held_because": "slow\ndown"}
    told = [line for _, line in as_lines(looked(live=LIVE | {"connectors": [held]}))]
    moment = f"{until:%Y-%m-%d %H:%M:%S}"
    assert f"waits until {moment} UTC (1 h) before it sends, because: slow down" in told
    over = held | {"held_until": NOW.isoformat()}
    told = [line for _, line in as_lines(looked(live=LIVE | {"connectors": [over]}))]
    assert not [line for line in told if "waits until" in line]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (90000, "1 d 1 h"),
    ],
)
def test_time_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words
