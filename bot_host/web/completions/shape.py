"""What a client of OpenAI's form sends, as far as it counts here; everything else is let pass."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

ID_LIMIT: Final = 256
MESSAGES: Final = 2000
PARTS: Final = 100

Id = Annotated[str, Field(max_length=ID_LIMIT)]


class Part(BaseModel):
    """A piece of a message: `text`, `image_url`, `input_audio` or `file`."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    type: str
    text: str | None = None
    image_url: dict[str, Any] | str | None = None
    input_audio: dict[str, Any] | None = None
    file: dict[str, Any] | None = None


class Message(BaseModel):
    """One message of the conversation as the client knows it."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[Part], Field(max_length=PARTS)] | None = None


class StreamOptions(BaseModel):
    """What a stream is to tell besides the text."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    include_usage: bool | None = None


class Completion(BaseModel):
    """A conversation to go on with. The agent has its own model and its settings: others are let pass."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    model: Annotated[str, Field(min_length=1, max_length=ID_LIMIT)]
    """The agent, by its name or id."""
    messages: Annotated[list[Message], Field(min_length=1, max_length=MESSAGES)]
    """The last one is what is said."""
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Id | None = None
    """Who says it, by any name of the client's own."""
    n: int | None = None
    stop: str | list[str] | None = None
    tools: list[Any] | None = None
    """The client's own: the agent does not use them."""
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    response_format: dict[str, Any] | None = None
    logprobs: bool | None = None
    modalities: list[str] | None = None
