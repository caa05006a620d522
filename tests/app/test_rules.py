"""Every reason that the code can give has a rule, in words that name the settings behind it."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from bot_host.app.build import connector_specs, load
from bot_host.app.rules import RULES, explain
from bot_host.config.schema import Loaded
from bot_host.pipeline import commands
from bot_host.pipeline.gate import NEWER, OWNER_COMMAND, STOP_WORD
from bot_host.pipeline.limits import REASONS
from bot_host.runtime import choices
from bot_host.store.inbox import REPEATED
from bot_host.types import access
from bot_host.types.access import BOT_LOOP, BOT_UNADDRESSED, ROLES_UNKNOWN
from connectors.discord.config import DiscordConfig
from connectors.discord.rules import Rules

ROOT = Path(__file__).parents[2]
MADE_BY = ("Skipped", "Decision", "InboxEnd")


def reasons() -> set[str]:
    """Each reason that stands in the code as it is; of one that is put together, its beginning."""
    found = set()
    for path in (*ROOT.glob("bot_host/**/*.py"), *ROOT.glob("connectors/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MADE_BY:
                found.update(_texts(keyword.value) for keyword in node.keywords if keyword.arg == "reason")
    return {reason for reason in found if reason}


def _texts(value: ast.expr) -> str:
    if isinstance(value, ast.JoinedStr):
        value = value.values[0]
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def refusals() -> set[str]:
    """What Discord's door keeper says; the others use the same words."""
    found = set()
    for policy in ("open", "allowlist", "off", "pairing"):
        for allow in ([], ["9"]):
            config = DiscordConfig(dm_policy=policy, allow=allow, deny=["8"])  # type: ignore[arg-type]
            rules = Rules.of(config)
            for user in ("1", "8"):
                found.add(rules.refuse_dm(channel_id="2", user_id=user))
                found.add(rules.refuse_place(guild_id="3", channel_id="2", user_id=user))
    return found - {""}


def is_explained(reason: str) -> bool:
    own = [pattern for spec in connector_specs().values() for pattern in spec.reasons]
    return reason in own or any(re.fullmatch(rule.reason, reason) for rule in RULES)


def test_every_reason_has_a_rule() -> None:
    all_reasons = (
        reasons()
        | refusals()
        | {commands.REASON, commands.CHOSEN, commands.UNKNOWN, commands.UNFIT, commands.NOT_HERE}
        | {commands.NOT_ALLOWED, choices.GONE, choices.NOT_THEIRS, commands.WORDLESS}
        | set(REASONS)
        | {STOP_WORD, NEWER, OWNER_COMMAND, REPEATED, BOT_LOOP, BOT_UNADDRESSED, ROLES_UNKNOWN}
        | {value for name, value in vars(access).items() if name.startswith("PAIRING")}
        | {"own message", "bot", "webhook", "via bot", "system message"}
    )
    assert {"not addressed", "no text", "unknown kind: ", "not allowed", "denied"} <= all_reasons
    assert {reason for reason in all_reasons if not is_explained(reason)} == set()


def configured(folder: Path, text: str) -> Loaded:
    (folder / "config.toml").write_text(text, encoding="utf-8")
    return load(folder / "config.toml", {}, {})


def told(loaded: Loaded, reason: str, **more: Any) -> tuple[str, ...]:
    fields: dict[str, Any] = {
        "outcome": "ignored",
        "table": "connectors.discord",
        "agent": "agents[1]",
        "own": {},
        **more,
    }
    return explain(loaded, reason=reason, **fields).settings


@pytest.mark.parametrize(
    ("text", "reason", "settings"),
    [
        (
            "[connectors.discord]\nmention_only = true\n",
            "not addressed",
            ("mention_only = true in [connectors.discord] (config.toml line 2)",),
        ),
        ("", "not addressed", ("mention_only = true for [connectors.discord] (the default)",)),
        (
            "[connectors.discord]\nmention_only = false\n",
            "not addressed",
            ("mention_only = false in [connectors.discord] (config.toml line 2), changed since",),
        ),
        (
            '[connectors.discord]\ndeny = ["1"]\n',
            "denied",
            ('deny = ["1"] in [connectors.discord] (config.toml line 2)',),
        ),
        (
            "[[agents]]\nturn_timeout = 5.0\n",
            "the turn took longer than 5 s",
            ("turn_timeout = 5.0 in [[agents]] no. 1 (config.toml line 2)",),
        ),
        ("", "direct message", ()),
    ],
)
def test_the_settings_behind_a_reason(
    tmp_path: Path, text: str, reason: str, settings: tuple[str, ...]
) -> None:
    assert told(configured(tmp_path, text), reason) == settings


def test_a_stop_word_ends_what_it_holds_and_what_was_asked_before(tmp_path: Path) -> None:
    loaded = configured(tmp_path, '[[agents]]\nstop_words = ["halt"]\n')
    said = {
        outcome: explain(loaded, outcome=outcome, reason="stop_word", table="", agent="agents[1]", own={})
        for outcome in ("ignored", "superseded")
    }
    assert "it holds a stop word" in said["ignored"].rule
    assert "before it was answered" in said["superseded"].rule
    for each in said.values():
        assert each.settings == ('stop_words = ["halt"] in [[agents]] no. 1 (config.toml line 2)',)


def test_where_the_table_is_not_known_there_are_no_settings(tmp_path: Path) -> None:
    assert told(configured(tmp_path, ""), "not addressed", table="") == ()


def test_a_connectors_own_reason_goes_before_the_rules(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "")
    own = {"bot": ("a clockwork", "wind it up")}
    said = explain(loaded, outcome="ignored", reason="bot", table="", agent="", own=own)
    assert (said.rule, said.way_out) == ("a clockwork", "wind it up")


def test_a_failure_without_a_rule_of_its_own_is_the_models(tmp_path: Path) -> None:
    loaded = configured(tmp_path, "")
    said = explain(loaded, outcome="failed", reason="HTTP 500: overloaded", table="", agent="", own={})
    assert said.rule == "no model gave an answer"
    assert said.settings == ('provider = "auto" for [models] (the default)',)
    assert explain(loaded, outcome="ignored", reason="whatever", table="", agent="", own={}).rule == ""
