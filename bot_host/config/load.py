"""The configuration, from all its sources (DESIGN, Configuration)."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel

from bot_host.config.check import Checker, coerce, nested_model
from bot_host.config.describe import DEFAULT, all_values
from bot_host.config.later import later_notes
from bot_host.config.schema import (
    DATABASE_FILE,
    SQLITE,
    AgentConfig,
    Config,
    ConnectorEntry,
    DatabaseConfig,
    HostConfig,
    Loaded,
    Models,
    ModelsConfig,
    RetentionConfig,
    WebConfig,
)
from bot_host.config.sources import (
    Problems,
    Variables,
    is_secret,
    read_env_file,
    read_toml,
    secrets_in,
    shown,
)
from bot_host.config.starter import CHARACTER
from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.kit.logs import SecretMask
from bot_host.kit.names import variable_of
from bot_host.types.errors import ConfigError
from bot_host.types.secrets import SECRET_KEY

M = TypeVar("M", bound=BaseModel)

_VARIABLES: Final = {"host.log_level": "LOG_LEVEL", "database.url": "DATABASE_URL", "web.port": "API_PORT"}
_ROOT: Final = ("host", "database", "web", "retention", "models", "plugins", "agents", "connectors")
_MODEL_PLUGINS: Final = ("openai", "offline", "local_embeddings")

FindModel: TypeAlias = Callable[[str, Path], "tuple[str, type[BaseModel]] | None"]
"""By an entry of `plugins` and the folder that paths count from: the plugin's name, what checks its table."""


def load_config(
    path: Path | None,
    *,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str],
    connector_models: Mapping[str, type[ConnectorConfig]],
    plugin_models: Mapping[str, type[BaseModel]],
    find_model: FindModel = lambda _name, _folder: None,
) -> Loaded:
    """Read and check the whole configuration.

    `path` is the config file; None: only the other sources. `overrides` are dotted keys from the command
    line; `connector_models` by platform; `plugin_models` by installed plugin, for the tables
    `[plugins.NAME]` and `[models.NAME]`; `find_model` for those that agents name by a path.
    Raises ConfigError with all that is wrong, one problem a line.
    """
    return _Loader(path, environ, connector_models, plugin_models, find_model).load(overrides or {})


def variable_name(platform: str, key: str) -> str:
    """The environment variable that is a connector secret's default (`DISCORD_BOT_TOKEN`)."""
    return f"{platform}_{'bot_token' if key == 'token' else key}".upper()


class _Loader:
    def __init__(
        self,
        path: Path | None,
        environ: Mapping[str, str],
        connector_models: Mapping[str, type[ConnectorConfig]],
        plugin_models: Mapping[str, type[BaseModel]],
        find_model: FindModel,
    ) -> None:
        self.path = path
        self.folder = (path.parent if path else Path.cwd()).absolute()
        self.connector_models = connector_models
        self.plugin_models = dict(plugin_models)
        self.find_model = find_model
        self.problems = Problems()
        self.sources: dict[str, str] = {}
        self.texts: set[str] = set()
        """Keys whose value came as text from a variable, whatever type they want."""
        self.raw_values: dict[str, Any] = {}
        self.raw = read_toml(path) if path else {}
        self.env, self.env_notes = read_env_file(self.folder / ".env")
        self.variables = Variables(environ, self.env)
        self.check = Checker(path.name if path else "configuration", self.sources, self.problems)

    def load(self, overrides: Mapping[str, Any]) -> Loaded:
        self.raw = self._expanded(self.raw, "")
        self._find_models()
        self._put_variables()
        self._put_overrides(overrides)
        for name in self.raw:
            if name not in _ROOT:
                kind = "table" if isinstance(self.raw[name], (dict, list)) else "key"
                self.check.unknown(name, list(_ROOT), kind=kind)
        host = self._section(HostConfig, self.raw.get("host", {}), "host")
        database = self._section(DatabaseConfig, self.raw.get("database", {}), "database")
        web = self._section(WebConfig, self.raw.get("web", {}), "web")
        retention = self._section(RetentionConfig, self.raw.get("retention", {}), "retention")
        models = self._models()
        plugins = self._plugins()
        agents = self._agents()
        connectors = list(self._connectors())
        environment = self._environment()
        self._stop()
        assert host is not None
        assert database is not None
        assert web is not None
        assert retention is not None
        assert models is not None
        config = Config(
            host=host,
            database=database,
            web=web,
            retention=retention,
            models=models,
            plugins=plugins,
            agents=agents,
            connectors=connectors,
            environment=environment,
        )
        self._make_absolute(config)
        return self._loaded(config)

    def _loaded(self, config: Config) -> Loaded:
        values = all_values(config)
        inner = {key.rpartition(".")[0]: source for key, source in self.sources.items()}
        # A table that is one value (`roles`) has the source of what stands in it.
        sources = {key: self.sources.get(key) or inner.get(key, DEFAULT) for key in values}
        secret_key = (self.variables.find(SECRET_KEY) or ("", ""))[0]
        return Loaded(
            config=config,
            sources=sources,
            folder=self.folder,
            file=self.path,
            secrets=tuple(sorted({*secrets_in(values), *secret_key.replace(",", " ").split()})),
            notes=(*self.env_notes, *later_notes(values, sources)),
            env=self.env,
            secret_key=secret_key,
        )

    def _stop(self) -> None:
        """Raise when anything is wrong; a validator's own words may hold a secret of another key."""
        mask = SecretMask()
        mask.add(*secrets_in(self.raw_values))
        self.problems.lines = [mask.hide(line) for line in self.problems.lines]
        self.problems.stop()

    # Values and where they came from.

    def _expanded(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {
                name: self._expanded(part, f"{key}.{name}" if key else name) for name, part in value.items()
            }
        if isinstance(value, list) and value and all(isinstance(part, dict) for part in value):
            return [self._expanded(part, f"{key}[{place}]") for place, part in enumerate(value, 1)]
        source = self.path.name if self.path else DEFAULT
        if isinstance(value, list):
            value = [self._expand(part, key)[0] if isinstance(part, str) else part for part in value]
        elif isinstance(value, str):
            value, found = self._expand(value, key)
            source = found or source
        self._note(key, value, source)
        return value

    def _expand(self, text: str, key: str) -> tuple[str, str | None]:
        if "${" not in text:
            return text, None
        self.texts.add(key)
        try:
            return self.variables.expand(text)
        except ValueError as error:
            self.check.problem(key, f"{error}, found {shown(key, text)}")
            return "", None

    def _note(self, key: str, value: Any, source: str) -> None:
        self.sources[key] = source
        self.raw_values[key] = value

    def _put(self, key: str, value: Any, source: str) -> None:
        *tables, name = key.split(".")
        at = self.raw
        for table in tables:
            at = at.setdefault(table, {})
            if not isinstance(at, dict):
                return  # The wrong type is reported when the table is checked.
        at[name] = value
        self._note(key, value, source)
        if isinstance(value, str):
            self.texts.add(key)

    def _put_variables(self) -> None:
        named = dict(_VARIABLES)
        for plugin, model in self.plugin_models.items():
            for name in ("api_key", "base_url"):
                if name in model.model_fields:
                    named[f"{self._home(plugin)}.{plugin}.{name}"] = variable_of(plugin, name)
        for key, variable in named.items():
            found = self.variables.find(variable)
            if found:
                self._put(key, *found)

    def _put_overrides(self, overrides: Mapping[str, Any]) -> None:
        for key, value in overrides.items():
            if key.split(".")[0] not in ("host", "database", "web", "models"):
                raise ConfigError(f"command line: {key} cannot be set there")
            self._put(key, value, "command line")

    # Tables.

    def _section(self, model: type[M], values: Any, key: str, *, as_json: bool = False) -> M | None:
        if isinstance(values, dict):
            values = self._typed(model, values, key)
        return self.check.table(model, values, key, as_json=as_json)

    def _typed(self, model: type[BaseModel], values: dict[str, Any], key: str) -> dict[str, Any]:
        """Texts from variables as the types that the fields want; an empty one counts as not set."""
        typed: dict[str, Any] = {}
        for name, value in values.items():
            place = f"{key}.{name}"
            inner = nested_model(model, name)
            if inner and isinstance(value, dict):
                value = self._typed(inner, value, place)
            elif inner and isinstance(value, list) and all(isinstance(part, dict) for part in value):
                value = [self._typed(inner, part, f"{place}[{n}]") for n, part in enumerate(value, 1)]
            elif place in self.texts and isinstance(value, str) and name in model.model_fields:
                if not value:
                    continue
                value = coerce(model, name, value)
            typed[name] = value
        return typed

    def _models(self) -> Models | None:
        values = self.raw.get("models", {})
        if not isinstance(values, dict):
            self.check.table(ModelsConfig, values, "models")
            return None
        plain = {name: value for name, value in values.items() if name not in self.plugin_models}
        for name, value in list(plain.items()):
            if isinstance(value, dict):
                self.check.unknown(f"models.{name}", list(self.plugin_models), kind="table")
                del plain[name]
            elif name not in ModelsConfig.model_fields:
                self.check.unknown(f"models.{name}", [*ModelsConfig.model_fields, *self.plugin_models])
                del plain[name]
        models = self._section(ModelsConfig, plain, "models")
        tables = {
            name: self._section(model, values.get(name, {}), f"models.{name}")
            for name, model in self.plugin_models.items()
            if self._home(name) == "models"
        }
        known = list(dict.fromkeys(["auto", *self.plugin_models, "offline"]))
        known = [name for name in known if name != _MODEL_PLUGINS[-1]]
        if models and models.provider not in known:
            wanted = ", ".join(f'"{name}"' for name in known)
            found = shown("models.provider", models.provider)
            self.check.problem("models.provider", f"expected one of {wanted}, found {found}")
        if models is None:
            return None
        good = {name: table for name, table in tables.items() if table is not None}
        return Models(provider=models.provider, embedding=models.embedding, tables=good)

    def _find_models(self) -> None:
        """What checks the tables of plugins that are not installed and that agents name by a path."""
        agents = self.raw.get("agents")
        for agent in agents if isinstance(agents, list) else []:
            names = agent.get("plugins") if isinstance(agent, dict) else None
            for name in names if isinstance(names, list) else []:
                found = self.find_model(name, self.folder) if isinstance(name, str) else None
                if found is not None:
                    self.plugin_models.setdefault(*found)

    def _home(self, plugin: str) -> str:
        """Where a plugin's table is: `models` for the one that `models.provider` may name."""
        models = self.raw.get("models")
        named = isinstance(models, dict) and (plugin in models or models.get("provider") == plugin)
        return "models" if named or plugin in _MODEL_PLUGINS else "plugins"

    def _plugins(self) -> dict[str, BaseModel]:
        values = self.raw.get("plugins", {})
        if not isinstance(values, dict):
            self.problems.add(f"{self._file}: plugins: expected tables such as [plugins.NAME]")
            return {}
        tables: dict[str, BaseModel] = {}
        at_home = [name for name in self.plugin_models if self._home(name) == "plugins"]
        for name, value in values.items():
            if name in at_home:
                table = self._section(self.plugin_models[name], value, f"plugins.{name}", as_json=True)
                if table is not None:
                    tables[name] = table
            elif name in self.plugin_models:
                self.problems.add(
                    f"{self._file}: plugins.{name}: its table is [models.{name}]; keep that one"
                )
            elif at_home:
                self.check.unknown(f"plugins.{name}", at_home, kind="table")
            else:
                what = "no plugin that is installed, or named in [[agents]], takes settings"
                self.problems.add(f"{self._file}: unknown table plugins.{name}; {what}")
        return tables

    def _agents(self) -> list[AgentConfig]:
        values = self.raw.get("agents", [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            self.problems.add(f"{self._file}: agents: expected tables that begin with [[agents]]")
            return []
        values = values or [{}]
        agent_id = self.variables.find("AGENT_ID")
        if agent_id and len(values) == 1:
            values[0]["id"] = agent_id[0]
            self._note("agents[1].id", *agent_id)
        elif agent_id:
            self.problems.add(
                f"{agent_id[1]}: AGENT_ID is the id of a single agent, and {self._file} has {len(values)};"
                ' unset it and write id = "…" into each [[agents]] table instead'
            )
        made = [self._section(AgentConfig, value, f"agents[{n}]") for n, value in enumerate(values, 1)]
        agents = [agent for agent in made if agent]
        if len(agents) == len(made):
            self._check_agents(agents)
        return agents

    def _check_agents(self, agents: list[AgentConfig]) -> None:
        characters: dict[str, int] = {}
        ids: dict[str, int] = {}
        for place, agent in enumerate(agents, 1):
            character = str(self._path(agent.character)) if agent.character else str(CHARACTER)
            first = characters.setdefault(character, place)
            if first != place and not (agent.id and agents[first - 1].id):
                what = f"the same file as agents[{first}].character"
                self.check.problem(f"agents[{place}].character", f"expected another character, found {what}")
            if agent.id and ids.setdefault(agent.id.lower(), place) != place:
                what = f"the same as agents[{ids[agent.id.lower()]}].id"
                self.check.problem(f"agents[{place}].id", f"expected another id, found {what}")

    def _connectors(self) -> Iterator[ConnectorEntry]:
        tables = self.raw.get("connectors", {})
        if not isinstance(tables, dict):
            self.problems.add(f"{self._file}: connectors: expected tables such as [connectors.terminal]")
            return
        for platform, value in tables.items():
            model = self.connector_models.get(platform)
            if model is None:
                kind = "table" if isinstance(value, (dict, list)) else "key"
                self.check.unknown(f"connectors.{platform}", list(self.connector_models), kind=kind)
            else:
                yield from self._platform(platform, model, value)
        for platform, model in self.connector_models.items():
            if platform not in tables:
                yield from self._platform(platform, model, {})

    def _platform(self, platform: str, model: type[ConnectorConfig], value: Any) -> Iterator[ConnectorEntry]:
        several = isinstance(value, list) and len(value) > 1
        for place, values in enumerate(value if isinstance(value, list) and value else [value or {}], 1):
            key = f"connectors.{platform}[{place}]" if several else f"connectors.{platform}"
            if isinstance(value, list) and not several:
                self._rename(f"{key}[1]", key)
            if isinstance(values, dict):
                self._put_tokens(platform, model, values, key, several=several)
            config = self._section(model, values, key)
            if config:
                yield ConnectorEntry(table=key, platform=platform, config=config)

    def _rename(self, before: str, after: str) -> None:
        """A single table of an array is called like a plain one."""
        for key in [key for key in self.sources if key.startswith(f"{before}.")]:
            new = after + key.removeprefix(before)
            self._note(new, self.raw_values[key], self.sources[key])
            if key in self.texts:
                self.texts.add(new)

    def _put_tokens(
        self, platform: str, model: type[ConnectorConfig], values: dict[str, Any], key: str, *, several: bool
    ) -> None:
        for name in model.model_fields:
            if not is_secret(name) or name in values:
                continue
            if several and name in ("token", "bot_token"):
                if values.get("enabled") is not False:
                    what = f"is missing; of several [[connectors.{platform}]] tables each needs its own"
                    self.check.problem(f"{key}.{name}", what)
                continue
            found = self.variables.find(variable_name(platform, name))
            if found:
                values[name] = found[0]
                self._note(f"{key}.{name}", *found)

    def _environment(self) -> Literal["development", "production"]:
        for variable in ("BOT_HOST_ENV", "NODE_ENV"):
            found = self.variables.find(variable)
            if found is None:
                continue
            value = found[0].strip().lower()
            if value in ("development", "production"):
                self._note("environment", value, found[1])
                return "production" if value == "production" else "development"
            # NODE_ENV belongs to others too and may hold values that mean nothing here.
            if variable == "BOT_HOST_ENV":
                what = f'expected "development" or "production", found {shown(variable, found[0])}'
                self.problems.add(f"{found[1]}: {variable}: {what}")
        return "development"

    # Paths.

    @property
    def _file(self) -> str:
        return self.path.name if self.path else "configuration"

    def _path(self, text: str) -> Path:
        return (self.folder / Path(text).expanduser()).resolve()

    def _make_absolute(self, config: Config) -> None:
        config.host.data_dir = str(self._path(config.host.data_dir))
        if "database.url" not in self.sources:
            config.database.url = f"{SQLITE}{config.data_dir / DATABASE_FILE}"
        elif config.database.sqlite_path is not None:
            config.database.url = f"{SQLITE}{self._path(str(config.database.sqlite_path))}"
        for table in config.models.tables.values():
            folder = getattr(table, "folder", "")
            if folder:
                setattr(table, "folder", str(self._path(folder)))  # noqa: B010 - a plugin's own model
        for agent in config.agents:
            agent.character = str(self._path(agent.character) if agent.character else CHARACTER)
