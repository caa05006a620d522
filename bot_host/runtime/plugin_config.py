"""A plugin's config: what it was given, with what the agent's settings say, checked by the plugin's model."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from bot_host.config.check import known_keys
from bot_host.contracts.plugin import Plugin
from bot_host.kit.names import did_you_mean, variable_of
from bot_host.runtime.settings import Settings
from bot_host.types.errors import PluginError

log = logging.getLogger(__name__)

VARIABLES: Final = ("api_key", "base_url")
"""Keys of any plugin that have an environment variable: `OPENAI_API_KEY`, `OPENAI_BASE_URL`."""


def config_for(plugin: Plugin, given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The config that a plugin's `init` and `check` get, with its defaults. Raises PluginError.

    A setting of the character that stands for a key (`Plugin.settings`) comes before `given`; the agent's
    other settings and the environment come after it. `VARIABLES` are read from the latter only: a character
    file from a stranger must not send the admin's key to a server of its own. A setting that does not fit is
    passed over with a warning; the error names plugin and key, and no value: one of them may be a secret.
    """
    if not isinstance(given, Mapping):
        raise PluginError(f"{plugin.name}: its config must be a mapping, not {type(given).__name__}")
    said = _from_settings(plugin, given, settings)
    if plugin.config is None:
        return {**given, **{key: value for key, (_, value) in said.items()}}
    _refuse_unknown(plugin, plugin.config, given)
    try:
        return _checked(plugin.config, given, said)
    except ValidationError as error:
        wrong = {str(fault["loc"][0]): fault["msg"] for fault in _faults(error) if fault["loc"]}
    for key in said.keys() & wrong.keys():
        log.warning("%s: the setting %s is passed over: %s", plugin.name, said.pop(key)[0], wrong[key])
    try:
        return _checked(plugin.config, given, said)
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in _faults(error))
        raise PluginError(f"{plugin.name}: its config is not valid: {'; '.join(faults)}") from None


def has_server(config: Mapping[str, Any]) -> bool:
    """Whether a model plugin's config has a key or an address."""
    return any(config.get(key) for key in VARIABLES)


def _from_settings(
    plugin: Plugin, given: Mapping[str, Any], settings: Settings
) -> dict[str, tuple[str, Any]]:
    """By key: the setting's name, and what it says."""
    said: dict[str, tuple[str, Any]] = {}
    for name, key in plugin.settings.items():
        value = settings.of_character(name)
        if value is None and _is_open(plugin, given, key):
            value = settings.of_host(name)
        if value is not None:
            said[key] = (name, value)
    fields = plugin.config.model_fields if plugin.config is not None else {}
    for key in VARIABLES:
        name = variable_of(plugin.name, key)
        if key in fields and key not in said and _is_open(plugin, given, key):
            value = settings.of_host(name)
            if value is not None:
                said[key] = (name, value)
    return said


def _is_open(plugin: Plugin, given: Mapping[str, Any], key: str) -> bool:
    """Whether the config says nothing about a key; an empty text is what an unset variable leaves."""
    if given.get(key) in (None, ""):
        return True
    field = plugin.config.model_fields.get(key) if plugin.config is not None else None
    return field is not None and given[key] == field.get_default(call_default_factory=True)


def _checked(
    model: type[BaseModel], given: Mapping[str, Any], said: Mapping[str, tuple[str, Any]]
) -> dict[str, Any]:
    return model.model_validate({**given, **{key: value for key, (_, value) in said.items()}}).model_dump()


def _refuse_unknown(plugin: Plugin, model: type[BaseModel], given: Mapping[str, Any]) -> None:
    """A slip of a key would otherwise be a setting that is silently not there."""
    if model.model_config.get("extra") == "allow":
        return
    known = known_keys(model)
    for key in given:
        if key not in known:
            hint = did_you_mean(str(key), known) or f"; it has {', '.join(known) or 'none'}"
            raise PluginError(f"{plugin.name}: its config has no key {key}{hint}")


def _faults(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_context=False, include_input=False))
