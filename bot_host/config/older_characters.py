"""Character files of elizaOS 0.x: taken as they are, with a warning for each key that has no place now."""

import logging
from typing import Any, Final

from pydantic.alias_generators import to_snake

from bot_host.config.character_faults import expected_lines

log = logging.getLogger(__name__)

_MODELS: Final = "the models are set in [models] of config.toml"
_PLATFORMS: Final = "each platform has its table in config.toml: [connectors.discord] and so on"
_PROFILE: Final = "Bot Host has no use for it"
_EXPORT: Final = "it belongs to an exported agent, not to a character"
IGNORED: Final = {
    "clients": _PLATFORMS,
    "clientConfig": _PLATFORMS,
    "modelProvider": _MODELS,
    "imageModelProvider": _MODELS,
    "imageVisionModelProvider": _MODELS,
    "modelEndpointOverride": f"{_MODELS}, the address as base_url in [models.openai]",
    "examples": "examples of how the agent talks stand in messageExamples",
    "people": _PROFILE,
    "twitterSpaces": _PROFILE,
    "twitterProfile": _PROFILE,
    "instagramProfile": _PROFILE,
    "nft": _PROFILE,
    "$schema": "Bot Host checks the file by itself",
    "createdAt": _EXPORT,
    "updatedAt": _EXPORT,
    "enabled": _EXPORT,
    "status": _EXPORT,
}
"""Keys that elizaOS 0.x had, or that its exports add, and what replaces them (elizaos.md 5.7-01)."""


def bring_up_to_date(name: str, data: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`data` without the keys of 0.x, `lore` at the end of `bio`; and what is wrong with `lore`."""
    old = {spelling: why for key, why in IGNORED.items() for spelling in (key, to_snake(key))}
    for key in data:
        if key in old:
            log.warning("%s: %s is ignored: %s", name, key, old[key])
    kept = {key: value for key, value in data.items() if key not in old}
    if "lore" not in kept:
        return kept, []
    lore, bio = _lines(kept.pop("lore")), _lines(kept.get("bio", []))
    if lore is None:
        return kept, [expected_lines("lore", data["lore"])]
    # A bio that is wrong stays as it is, to be told of with the other faults.
    return (kept if bio is None else {**kept, "bio": [*bio, *lore]}), []


def _lines(value: Any) -> list[str] | None:
    lines = [value] if isinstance(value, str) else value
    good = isinstance(lines, list) and all(isinstance(line, str) for line in lines)
    return lines if good else None
