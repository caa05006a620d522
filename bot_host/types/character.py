"""Who an agent is (elizaos.md 5.7). Keys are snake_case; elizaOS's camelCase spellings work too."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from bot_host.types.ids import UUID, string_to_uuid


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Lines = Annotated[list[str], BeforeValidator(_as_list)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Style(_Part):
    """How to write: everywhere, in chats, in posts."""

    all: Lines = Field(default_factory=list)
    chat: Lines = Field(default_factory=list)
    post: Lines = Field(default_factory=list)


class ExampleMessage(BaseModel):
    """One line of an example conversation. `content.text` may hold `{{name1}}` placeholders."""

    model_config = ConfigDict(extra="allow")

    name: str
    content: dict[str, Any]


class Character(_Part):
    """Who the agent is. Only the name is required; `bio` should say what it is for."""

    id: UUID | None = None
    name: str = Field(min_length=1)
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
    knowledge: list[Any] = Field(default_factory=list)
    plugins: list[str] = Field(default_factory=list)
    settings: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, Any] = Field(default_factory=dict)

    @property
    def agent_id(self) -> UUID:
        """The id, or the one derived from the name (elizaos.md 2.1-02)."""
        return self.id or string_to_uuid(self.name)
