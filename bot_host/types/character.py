"""Who an agent is (elizaos.md 5.7). Keys are snake_case; elizaOS's camelCase spellings work too."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from bot_host.types.ids import UUID, as_id, is_uuid, string_to_uuid

NAME_LIMIT: Final = 100
"""Characters. Platforms show less (Discord 32, Slack 80)."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _check_id(value: str) -> str:
    if not is_uuid(value):
        raise ValueError("expected a UUID like 3f2504e0-4f89-41d3-9a0c-0305e82c3301")
    return value


def _check_knowledge(value: Any) -> Any:
    named = isinstance(value, dict) and any(isinstance(value.get(key), str) for key in ("path", "directory"))
    if not isinstance(value, str) and not named:
        raise ValueError("expected text, or a table with path or directory")
    return value


def _check_scalar(value: Any) -> Any:
    if not isinstance(value, str | bool | int | float):
        raise ValueError("expected text, a number, true or false")
    return value


Lines = Annotated[list[str], BeforeValidator(_as_list)]
CharacterId = Annotated[UUID, AfterValidator(_check_id)]
KnowledgeItem = Annotated[Any, AfterValidator(_check_knowledge)]
"""A text, `{path, shared?}` or `{directory, shared?}`."""
Scalar = Annotated[Any, AfterValidator(_check_scalar)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Style(_Part):
    """How to write: everywhere, in chats, in posts."""

    all: Lines = Field(default_factory=list)
    chat: Lines = Field(default_factory=list)
    post: Lines = Field(default_factory=list)


class ExampleMessage(BaseModel):
    """One line of an example conversation. `content.text` may hold `{{name1}}` placeholders.

    The speaker may stand under `user`, as in elizaOS 0.x; `content` may be the text alone.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    content: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _older_form(cls, value: Any) -> Any:
        if isinstance(value, dict) and "name" not in value and "user" in value:
            return {("name" if key == "user" else key): item for key, item in value.items()}
        return value

    @field_validator("content", mode="before")
    @classmethod
    def _content(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"text": value}
        if isinstance(value, dict) and not isinstance(value.get("text", ""), str):
            raise ValueError("expected text under content.text")
        return value


class Character(_Part):
    """Who the agent is. Only the name is required; `bio` should say what it is for."""

    id: CharacterId | None = None
    name: str = Field(min_length=1, max_length=NAME_LIMIT)
    username: str | None = None
    system: str | None = None
    """The system prompt's first words."""
    bio: Lines = Field(default_factory=list)
    templates: dict[str, str] = Field(default_factory=dict)
    """Prompt overrides by elizaOS's names (`shouldRespondTemplate` …)."""
    message_examples: list[list[ExampleMessage]] = Field(default_factory=list)
    post_examples: list[str] = Field(default_factory=list)
    topics: list[str] = Field(default_factory=list)
    adjectives: list[str] = Field(default_factory=list)
    style: Style = Field(default_factory=Style)
    knowledge: list[KnowledgeItem] = Field(default_factory=list)
    plugins: list[str] = Field(default_factory=list)
    settings: dict[str, Any] = Field(default_factory=dict, repr=False)
    """`settings.secrets` is a table of secrets too, as in elizaOS."""
    secrets: dict[str, Scalar] = Field(default_factory=dict, repr=False)

    @field_validator("name")
    @classmethod
    def _one_line(cls, value: str) -> str:
        name = value.strip()
        if not name or not name.isprintable():
            raise ValueError("expected one line of visible text")
        return name

    @field_validator("settings")
    @classmethod
    def _nested_secrets(cls, value: dict[str, Any]) -> dict[str, Any]:
        nested = value.get("secrets", {})
        if not isinstance(nested, dict):
            raise ValueError("expected a table under settings.secrets")
        return value

    def openers(self) -> list[str]:
        """What people say first in the example conversations, as far as it holds no placeholders."""
        first = (each[0] for each in self.message_examples if each)
        said = [str(each.content.get("text", "")).strip() for each in first if each.name != self.name]
        return [text for text in dict.fromkeys(said) if text and "{{" not in text]

    def with_edits(self, edits: Mapping[str, Any]) -> Self:
        """This character with some keys changed, as JSON values; its secrets stay."""
        if not edits:
            return self
        changes = Character.model_validate({"name": self.name, **edits})
        # The id may come from the name: it stays the same agent.
        values = {key: getattr(changes, key) for key in edits} | {"id": self.agent_id}
        if "settings" in values and "secrets" in self.settings:
            values["settings"] = {**values["settings"], "secrets": self.settings["secrets"]}
        return self.model_copy(update=values)

    @property
    def agent_id(self) -> UUID:
        """The id, or the one derived from the name (elizaos.md 2.1-02)."""
        return as_id(self.id or string_to_uuid(self.name))
