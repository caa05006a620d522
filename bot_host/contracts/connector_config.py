"""The configuration keys that every connector has."""

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot_host.kit.clean import one_line
from bot_host.kit.names import did_you_mean
from bot_host.types.access import AccessKind, AccessList, Door, split_entry


class ConnectorConfig(BaseModel):
    """The keys that every connector has, with the same meaning everywhere."""

    model_config = ConfigDict(extra="forbid")

    id_shape: ClassVar[str] = ""
    """Regular expression for a bare entry of `allow` and `deny`; empty: anything goes."""
    id_kinds: ClassVar[Mapping[AccessKind, str]] = {}
    """The same for ids that say what they are the id of (`user:…`), by the kinds that the platform has."""
    user_id_shape: ClassVar[str] = ""
    """The same for `owners`."""
    role_shape: ClassVar[str] = ""
    """The same for the keys of `roles`; empty: the platform tells nothing that could stand there."""
    id_help: ClassVar[str] = ""
    """What ids look like on this platform and where people find them."""

    enabled: bool | Literal["auto"] = "auto"
    """`auto`: on when its token is there."""
    agent: str = ""
    """Name of the agent that answers; empty: the first one."""
    mode: str = ""
    """Transport, where a platform has several; empty: the one that needs no public address."""
    dm_policy: Literal["open", "pairing", "allowlist", "off"] = "open"
    mention_only: bool = True
    """In rooms of several people answer only mentions, replies, and threads the agent takes part in."""
    allow: list[str] = Field(default_factory=list)
    """Ids of servers, channels, users or roles that may talk to the agent; empty: all. `role:123` is an id
    that stands for nothing else."""
    deny: list[str] = Field(default_factory=list)
    """The same, for those who may not. Goes before `allow`."""
    owners: list[str] = Field(default_factory=list)
    """Platform user ids of those who run this bot. Neither `allow` nor `dm_policy` keeps them out."""
    roles: dict[str, Literal["owner", "admin"]] = Field(default_factory=dict)
    """What people with a role (or in a user group) of the platform are for the agent."""
    bots: Literal["none", "mentions", "all"] = "none"
    """Other bots: never answered, when they turn to the agent, or like people. Never the bot itself."""
    bots_limit: int = Field(default=20, ge=1)
    """Answers to bots in one room within five minutes; then bots get none there for ten."""
    catch_up: Literal["answer", "note", "skip"] = "answer"
    """What was said while the host was down: answered, only remembered, or left out."""
    catch_up_max_age: int = Field(default=3600, ge=0)
    """Seconds. What is older than this is at most remembered."""
    edited_answer: Literal["edit", "ignore"] = "edit"
    """What becomes of an answer when its question is edited."""
    deleted_answer: Literal["keep", "retract"] = "keep"
    """What becomes of an answer when its question is deleted."""
    failed_reaction: str = ""
    """Put on a message that failed and that nobody is told of; as the platform names it. Empty: none."""
    streaming: bool | Literal["auto"] = "auto"
    """Show answers while they are written; `auto`: where that disturbs nothing else."""

    @field_validator("allow", "deny")
    @classmethod
    def _ids(cls, value: list[str]) -> list[str]:
        return [cls._entry(text) for text in value]

    @field_validator("owners")
    @classmethod
    def _user_ids(cls, value: list[str]) -> list[str]:
        return cls._checked(value, cls.user_id_shape, "user ids")

    @field_validator("roles")
    @classmethod
    def _role_ids(cls, value: dict[str, str]) -> dict[str, str]:
        if value and not cls.role_shape:
            raise ValueError("this platform tells nothing about roles; name people in owners instead")
        cls._checked(list(value), cls.role_shape, "ids of roles or user groups")
        return {key.strip(): role for key, role in value.items()}

    @classmethod
    def _entry(cls, text: str) -> str:
        kind, id = split_entry(text)
        known = [each.value for each in cls.id_kinds or AccessKind]
        if kind and kind not in known:
            if not cls.id_shape:
                return text.strip()
            raise ValueError(
                f'"{one_line(text, 40)}": there are no ids of the kind "{one_line(kind, 20)}"'
                f"{did_you_mean(kind, known)}; kinds are {', '.join(known)}, or a bare id"
            )
        shape = cls.id_kinds.get(AccessKind(kind), "") if kind else cls.id_shape
        if kind and not id:
            raise ValueError(f'"{one_line(text, 40)}" has no id; {cls.id_help}')
        cls._checked([id], shape, f"the id of a {kind}" if kind else "ids")
        return f"{kind}:{id}" if kind else id

    @property
    def door(self) -> Door:
        """Who is let in."""
        return Door(
            allow=AccessList.of(self.allow),
            deny=AccessList.of(self.deny),
            owners=frozenset(self.owners),
            dm_policy=self.dm_policy,
            bots=self.bots,
        )

    @classmethod
    def _checked(cls, value: list[str], shape: str, what: str) -> list[str]:
        ids = [text.strip() for text in value]
        for text in ids:
            if shape and not re.fullmatch(shape, text):
                raise ValueError(
                    f'expected {what}, found "{one_line(text, 40)}"; {cls.id_help}. Names are not taken: '
                    "people can change theirs to somebody else's, and an id stays"
                )
        return ids
