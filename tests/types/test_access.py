"""The door keeper: every kind of id, list and policy, without a platform."""

from typing import Any

import pytest
from pydantic import ValidationError

from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.types.access import (
    BOT_UNADDRESSED,
    DENIED,
    DM_OFF,
    NOT_ALLOWED,
    NOT_LISTED,
    PAIRING,
    ROLES_UNKNOWN,
    AccessKind,
    Visit,
)
from connectors.discord.config import DiscordConfig
from connectors.slack.config import SlackConfig
from connectors.telegram.config import TelegramConfig

HERE = Visit(user="5", servers=("1",), channels=("2", "3"), roles=("7",), groups=("9",))
"""Somebody in a thread of a server."""
DIRECT = Visit(user="5", channels=("4",), direct=True)


@pytest.mark.parametrize(
    ("config", "visit", "reason"),
    [
        ({}, HERE, ""),
        ({"allow": ["1"]}, HERE, ""),
        *(({"allow": [f"{kind}:{id}"]}, HERE, "") for kind, id in zip(AccessKind, "12579", strict=True)),
        *(({"deny": [f"{kind}:{id}"]}, HERE, DENIED) for kind, id in zip(AccessKind, "12579", strict=True)),
        *(({"deny": [id]}, HERE, DENIED) for id in "123579"),
        # Of another kind.
        *(
            ({"allow": [f"{kind}:{id}"]}, HERE, NOT_ALLOWED)
            for kind, id in zip(AccessKind, "21712", strict=True)
        ),
        ({"deny": ["user:7", "role:5", "server:2"]}, HERE, ""),
        # Deny goes first, and owners are let in but to places that are denied.
        ({"allow": ["5"], "deny": ["role:7"]}, HERE, DENIED),
        ({"deny": ["5", "7", "group:9"], "owners": ["5"]}, HERE, ""),
        ({"deny": ["3"], "owners": ["5"]}, HERE, DENIED),
        ({"allow": ["6"], "owners": ["5"]}, HERE, ""),
        # Roles that the platform does not tell.
        ({"deny": ["role:7"]}, Visit(user="5", roles=None), ROLES_UNKNOWN),
        ({"deny": ["group:7"]}, Visit(user="5", groups=None), ROLES_UNKNOWN),
        ({"allow": ["role:7"]}, Visit(user="5", roles=None), NOT_ALLOWED),
        ({"deny": ["role:7"]}, Visit(servers=("1",), roles=None), ""),
        # Direct messages.
        ({}, DIRECT, ""),
        ({"allow": ["6"]}, DIRECT, NOT_ALLOWED),
        ({"dm_policy": "off"}, DIRECT, DM_OFF),
        ({"dm_policy": "off"}, HERE, ""),
        ({"dm_policy": "off", "allow": ["5"]}, DIRECT, DM_OFF),
        ({"dm_policy": "off", "owners": ["5"]}, DIRECT, ""),
        ({"dm_policy": "allowlist"}, DIRECT, NOT_LISTED),
        ({"dm_policy": "allowlist", "allow": ["user:5"]}, DIRECT, ""),
        ({"dm_policy": "allowlist", "allow": ["4"]}, DIRECT, ""),
        (
            {"dm_policy": "allowlist", "allow": ["1"]},
            Visit(user="5", servers=("1",), direct=True),
            NOT_LISTED,
        ),
        ({"dm_policy": "pairing"}, DIRECT, PAIRING),
        ({"dm_policy": "pairing"}, HERE, ""),
        ({"dm_policy": "pairing", "allow": ["5"]}, DIRECT, ""),
        ({"dm_policy": "pairing", "owners": ["5"]}, DIRECT, ""),
        ({"dm_policy": "pairing", "deny": ["5"]}, DIRECT, DENIED),
        ({"dm_policy": "pairing"}, Visit(user="5", direct=True, is_bot=True), NOT_LISTED),
    ],
)
def test_who_is_let_in(config: dict[str, Any], visit: Visit, reason: str) -> None:
    assert ConnectorConfig(**config).door.refuse(visit) == reason


@pytest.mark.parametrize(
    ("policy", "addressed", "reason"),
    [
        ("none", True, "webhook"),
        ("mentions", False, BOT_UNADDRESSED),
        ("mentions", True, ""),
        ("all", False, ""),
    ],
)
def test_bots(policy: Any, addressed: bool, reason: str) -> None:
    assert ConnectorConfig(bots=policy).door.refuse_bot(addressed=addressed, kind="webhook") == reason


@pytest.mark.parametrize(
    ("model", "entries", "kept"),
    [
        (
            DiscordConfig,
            ["12", " role: 12 ", "Server:1", "channel:2", "user:3"],
            "12 role:12 server:1 channel:2 user:3",
        ),
        (TelegramConfig, ["-100-5", "channel:-100-5", "server:-100", "user:7"], None),
        (SlackConfig, ["C1", "group:S1", "server:T1", "channel:D1", "user:W1", "user:B1"], None),
        (ConnectorConfig, ["anything", "user:ada", "x:y"], None),
    ],
)
def test_entries_that_are_taken(model: type[ConnectorConfig], entries: list[str], kept: str | None) -> None:
    config = model(allow=entries, deny=entries)
    assert config.allow == config.deny == (kept.split() if kept else entries)


@pytest.mark.parametrize(
    ("model", "entry", "told"),
    [
        (DiscordConfig, "#general", "Names are not taken: people can change theirs"),
        (DiscordConfig, "rle:12", 'no ids of the kind "rle" (did you mean "role"?)'),
        (DiscordConfig, "group:12", "kinds are server, channel, user, role, or a bare id"),
        (DiscordConfig, "role:staff", 'expected the id of a role, found "staff"'),
        (DiscordConfig, "role:", '"role:" has no id'),
        (TelegramConfig, "@ada", "write to @userinfobot"),
        (TelegramConfig, "role:12", 'no ids of the kind "role"'),
        (SlackConfig, "user:C1", 'expected the id of a user, found "C1"'),
        (SlackConfig, "group:U1", 'expected the id of a group, found "U1"'),
    ],
)
def test_entries_that_are_refused(model: type[ConnectorConfig], entry: str, told: str) -> None:
    for key in ("allow", "deny"):
        with pytest.raises(ValidationError) as caught:
            model.model_validate({key: [entry]})
        assert told in str(caught.value)


def test_roles_of_the_platform() -> None:
    assert DiscordConfig(roles={"12": "admin"}).roles == {"12": "admin"}
    assert SlackConfig(roles={"S1": "owner"}).groups == {"S1"}
    for model, roles in (
        (DiscordConfig, {"staff": "admin"}),
        (DiscordConfig, {"12": "boss"}),
        (SlackConfig, {"U1": "admin"}),
        (TelegramConfig, {"12": "admin"}),
    ):
        with pytest.raises(ValidationError):
            model.model_validate({"roles": roles})
