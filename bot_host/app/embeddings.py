"""Who makes an agent's vectors, by the config: for the agents, and for `check`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot_host.config.schema import Loaded
from bot_host.contracts.connector import CheckLine
from bot_host.contracts.plugin import Plugin
from bot_host.kit.names import did_you_mean
from bot_host.plugins.openai.config import OpenAIConfig
from bot_host.runtime.embedding_calls import OFF, PROVIDER
from bot_host.runtime.plugins import find_plugin
from bot_host.types.errors import ConfigError
from bot_host.types.models import ModelType

LOCAL: Final = "local_embeddings"


def local_plugin(loaded: Loaded, configs: Mapping[str, Mapping[str, Any]]) -> list[Plugin]:
    """The plugin with a model on this machine, where the config brings one. Raises ConfigError."""
    wanted = loaded.config.models.embedding
    has_folder = bool(configs.get(LOCAL, {}).get("folder"))
    if wanted == LOCAL and not has_folder:
        raise ConfigError(
            f'models.embedding = "{LOCAL}" needs the folder of a model: set models.{LOCAL}.folder'
        )
    return [find_plugin(LOCAL)] if has_folder and wanted in ("auto", LOCAL) else []


def embedding_settings(loaded: Loaded) -> dict[str, str]:
    """The agents' setting that chooses."""
    wanted = loaded.config.models.embedding
    return {} if wanted == "auto" else {PROVIDER: wanted}


def refuse_unknown(loaded: Loaded, plugins: Sequence[Plugin]) -> None:
    """Raises ConfigError where `models.embedding` names nobody that an agent has."""
    known = ["auto", OFF, *(plugin.name for plugin in plugins)]
    wanted = loaded.config.models.embedding
    if wanted not in known:
        raise ConfigError(
            f'models.embedding: found "{wanted}", expected "auto", "{OFF}" or a plugin that makes vectors'
            f"{did_you_mean(wanted, known)}"
        )


def embedding_line(loaded: Loaded, plugins: Sequence[Plugin], configs: Mapping[str, Any]) -> CheckLine:
    """What `check` says of an agent's vectors."""
    wanted = loaded.config.models.embedding
    if wanted == OFF:
        return CheckLine(name="embeddings", ok=True, detail='off: models.embedding = "off"')
    found = {plugin.name: who for plugin in plugins if (who := _model_of(plugin, configs))}
    if wanted in found:
        return CheckLine(name="embeddings", ok=True, detail=found[wanted])
    if wanted == "auto" and found:
        local = found.pop(LOCAL, "")
        return CheckLine(name="embeddings", ok=True, detail=next(iter(found.values()), local))
    return CheckLine(
        name="embeddings",
        ok=wanted == "auto",
        detail="none: memories are searched by their words, not by meaning",
        advice=f"name a model in models.openai.embedding, or bring one: models.{LOCAL}.folder",
    )


def _model_of(plugin: Plugin, configs: Mapping[str, Any]) -> str:
    """What a plugin makes vectors with; empty: it makes none."""
    config = configs.get(plugin.name, {})
    if plugin.name == "openai":
        settings = OpenAIConfig.model_validate(dict(config))
        name = settings.name_of("embedding")
        return f"{name} at {settings.place}" if name else ""
    if plugin.name == LOCAL:
        return f"{config['folder']}, on this machine" if config.get("folder") else ""
    return f"the plugin {plugin.name}" if ModelType.TEXT_EMBEDDING in plugin.models else ""
