"""Results of actions as rows and as answers to the model."""

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from bot_host.contracts.plugin import ActionResult
from bot_host.pipeline.compose import shorten
from bot_host.types.choices import Choices
from bot_host.types.content import Media
from bot_host.types.models import ToolCall
from bot_host.types.turn import StepRow

log = logging.getLogger(__name__)

RESULT_CHARACTERS: Final = 24_000
"""Of a result's text or error. A longer one keeps its beginning and its end."""
DATA_CHARACTERS: Final = 4_000_000
"""Of one entry of a result's values or data, as JSON: a picture as a `data:` URL fits."""
SHOWN: Final = 300
"""Characters of arguments that are no JSON, as the model is shown them."""
ATTACHMENTS: Final = "attachments"
CHOICES: Final = "choices"


def as_answer(result: ActionResult) -> str:
    """A result as the answer to the model's call."""
    said = result.text if result.success else f"error: {result.error or result.text}"
    return shorten(said, RESULT_CHARACTERS) or "done"


def as_json(result: ActionResult, *, said: bool) -> dict[str, Any]:
    """What a step row keeps of a result; `said`: the action said something to the room."""
    kept: dict[str, Any] = {"success": result.success}
    if result.text:
        kept["text"] = shorten(result.text, RESULT_CHARACTERS)
    if result.error:
        kept["error"] = shorten(result.error, RESULT_CHARACTERS)
    if said:
        kept["said"] = True
    return kept


def data_as_json(name: str, result: ActionResult) -> dict[str, Any]:
    """A result's values and data, as far as they are JSON, or attachments for the answer."""
    data = dict(result.data)
    made = data.get(ATTACHMENTS)
    if isinstance(made, list | tuple):
        data[ATTACHMENTS] = [
            media.model_dump(mode="json", exclude_none=True) for media in made if isinstance(media, Media)
        ]
    if isinstance(data.get(CHOICES), Choices):
        data[CHOICES] = data[CHOICES].model_dump(mode="json", exclude_defaults=True)
    kept = {"values": _plain(name, result.values), "data": _plain(name, data)}
    return {key: value for key, value in kept.items() if value}


def _plain(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {}
    for key, value in values.items():
        try:
            size = len(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            log.debug("%s: %s in its result is not JSON and does not outlive this process", name, key)
            continue
        if size > DATA_CHARACTERS:
            log.warning("%s: %s in its result has %d characters and is not stored", name, key, size)
            continue
        plain[str(key)] = value
    return plain


def from_row(row: StepRow) -> ActionResult:
    """The result that a step row keeps."""
    data = dict(row.data.get("data", {}))
    if ATTACHMENTS in data:
        data[ATTACHMENTS] = [media for each in data[ATTACHMENTS] if (media := _media(each)) is not None]
    return ActionResult(
        success=bool(row.result.get("success", False)),
        text=str(row.result.get("text", "")),
        error=str(row.result.get("error", "")),
        values=row.data.get("values", {}),
        data=data,
    )


def _media(value: Any) -> Media | None:
    try:
        return Media.model_validate(value)
    except ValidationError:
        return None


def same_arguments(one: str, other: str) -> bool:
    """Whether two calls ask for the same."""
    return bool(_read(one) == _read(other))


def echo(call: ToolCall) -> ToolCall:
    """A call as it goes back to the model. Some servers refuse a history whose arguments are no object."""
    if isinstance(_read(call.arguments), dict):
        return call
    if not call.arguments.strip():
        return ToolCall(id=call.id, name=call.name, arguments="{}")
    shown = json.dumps({"invalid": call.arguments[:SHOWN]}, ensure_ascii=False)
    return ToolCall(id=call.id, name=call.name, arguments=shown)


def _read(arguments: str) -> Any:
    if not arguments.strip():
        return {}
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
