"""`[plugins.NAME]`: checked when it is read, handed to the plugin's `init`, tried by `check`."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from bot_host.app.build import build, load
from bot_host.app.check import Finding, check, code_of
from bot_host.config.describe import describe
from bot_host.config.schema import Loaded
from bot_host.kit.logs import SecretMask
from bot_host.types.errors import ConfigError, PluginError

WEATHER = dedent(
    """
    from enum import Enum
    from pathlib import Path

    from pydantic import BaseModel

    from bot_host.plugin import CheckLine, Plugin


    class Unit(Enum):
        CELSIUS = "celsius"


    class Config(BaseModel):
        town: str = "Berlin"
        days: int = 3
        unit: Unit = Unit.CELSIUS
        cache: Path = Path("cache")
        api_key: str = ""


    SEEN = []


    async def init(config, agent):
        SEEN.append(dict(config))


    async def check(config):
        return [CheckLine(name="weather", ok=config["town"] != "Atlantis", detail=config["town"])]


    plugin = Plugin(name="weather", config=Config, settings={"WEATHER_TOWN": "town"}, init=init, check=check)
    """
)
AGENT = '[[agents]]\nplugins = ["weather.py"]\n'


def loaded(folder: Path, text: str, **environ: str) -> Loaded:
    (folder / "weather.py").write_text(WEATHER, encoding="utf-8")
    path = folder / "config.toml"
    path.write_text("[web]\nenabled = false\n" + text, encoding="utf-8")
    return load(path, {}, environ)


async def initialised(config: Loaded) -> dict[str, Any]:
    """What the plugin's `init` got."""
    built = await build(config, mask=SecretMask())
    try:
        await built.start()
        [agent] = built.host.get_agents()
        plugin = next(each for each in agent.plugins if each.name == "weather")
        assert plugin.init is not None
        seen: list[Mapping[str, Any]] = plugin.init.__globals__["SEEN"]  # type: ignore[attr-defined]
        return dict(seen[-1])
    finally:
        await built.host.stop()


async def found(config: Loaded, name: str) -> list[Finding]:
    return [each async for each in check(config) if each.line.name == name]


async def test_init_gets_the_table_with_its_defaults(tmp_path: Path) -> None:
    config = loaded(tmp_path, AGENT + '[plugins.weather]\ntown = "Ulm"\nunit = "celsius"\ncache = "c"\n')
    got = await initialised(config)
    assert (got["town"], got["days"], got["unit"].value, got["cache"]) == ("Ulm", 3, "celsius", Path("c"))
    assert (await initialised(loaded(tmp_path, AGENT)))["town"] == "Berlin"


async def test_values_come_from_variables_and_are_shown_with_their_source_and_no_secret(
    tmp_path: Path,
) -> None:
    table = '[plugins.weather]\ndays = "${DAYS}"\n'
    config = loaded(tmp_path, AGENT + table, DAYS="7", WEATHER_API_KEY="hunter2-hunter2")
    got = await initialised(config)
    assert (got["days"], got["api_key"]) == (7, "hunter2-hunter2")
    lines = describe(config)
    assert "plugins.weather.days = 7 (environment DAYS)" in lines
    assert "plugins.weather.api_key = *** (environment WEATHER_API_KEY)" in lines
    assert config.secrets == ("hunter2-hunter2",)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('[plugins.weather]\ndays = "many"', 'plugins.weather.days: expected a whole number, found "many"'),
        ('[plugins.weather]\ndays = "7"', 'plugins.weather.days: expected a whole number, found "7"'),
        ("[plugins.weather]\ntwon = 1", 'unknown key plugins.weather.twon (did you mean "town"?)'),
        ("[plugins.wether]\ndays = 1", 'unknown table plugins.wether (did you mean "weather"?)'),
        ("[plugins.openai]\nlarge = 1", "plugins.openai: its table is [models.openai]"),
        ("[plugins]\nweather = 1", "plugins.weather: expected a table, found 1"),
        (
            '[models.weather]\ntown = "Ulm"\n[plugins.weather]\ntown = "Bonn"',
            "plugins.weather: its table is [models.weather]",
        ),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, table: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"{AGENT}{table}\n")
    assert says in str(caught.value)


def test_a_table_that_no_plugin_takes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown table plugins\.dice; no plugin that is installed"):
        loaded(tmp_path, "[plugins.dice]\nsides = 6\n")


async def test_check_asks_every_plugin_that_is_loaded(tmp_path: Path) -> None:
    good = loaded(tmp_path, AGENT + '[plugins.weather]\ntown = "Ulm"\n')
    [finding] = await found(good, "weather")
    assert (finding.line.ok, finding.line.detail) == (True, "Ulm")
    [finding] = await found(loaded(tmp_path, AGENT + '[plugins.weather]\ntown = "Atlantis"\n'), "weather")
    assert not finding.line.ok
    assert await found(loaded(tmp_path, ""), "weather") == []


async def test_each_config_of_a_plugin_is_checked_once(tmp_path: Path) -> None:
    for name, town in (("ada", "Ulm"), ("bob", "Ulm"), ("cyd", "Bonn")):
        text = f'name = "{name}"\n[settings]\nWEATHER_TOWN = "{town}"\n'
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    agents = "".join(
        f'[[agents]]\ncharacter = "{name}.toml"\nplugins = ["weather.py"]\n' for name in ("ada", "bob", "cyd")
    )
    findings = await found(loaded(tmp_path, agents), "weather")
    assert [finding.line.detail for finding in findings] == ["Ulm", "Bonn"]


@pytest.mark.parametrize(
    ("body", "says"),
    [("return None", "must give a list of CheckLine"), ("raise ValueError('no')", "ValueError: no")],
)
async def test_a_check_that_gives_something_else_or_fails_is_a_finding(
    tmp_path: Path, body: str, says: str
) -> None:
    text = WEATHER.replace("return [CheckLine(", f"{body}\n    return [CheckLine(")
    (tmp_path / "other.py").write_text(text, encoding="utf-8")
    [finding] = await found(loaded(tmp_path, AGENT.replace("weather.py", "other.py")), "plugin weather")
    assert says in finding.line.detail
    assert code_of([finding]) > 0


async def test_what_is_missing_without_a_table_ends_check_and_start(tmp_path: Path) -> None:
    needs = WEATHER.replace('town: str = "Berlin"', "town: str")
    (tmp_path / "needs.py").write_text(needs, encoding="utf-8")
    config = loaded(tmp_path, AGENT.replace("weather.py", "needs.py"))
    [finding] = await found(config, "characters")
    assert "weather: its config is not valid: town: Field required" in finding.line.detail
    assert code_of([finding]) == 2
    with pytest.raises(PluginError, match="town: Field required"):
        await build(config, mask=SecretMask())


async def test_a_character_with_a_key_of_its_own_gets_the_openai_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "ada.toml").write_text('name = "Ada"\n[secrets]\nOPENAI_API_KEY = "sk-a"\n', encoding="utf-8")
    (tmp_path / "bob.toml").write_text('name = "Bob"\n', encoding="utf-8")
    config = loaded(tmp_path, '[[agents]]\ncharacter = "ada.toml"\n[[agents]]\ncharacter = "bob.toml"\n')
    built = await build(config, mask=SecretMask())
    try:
        given = [{plugin.name for plugin in agent.given_plugins} for agent in built.host.get_agents()]
    finally:
        await built.host.stop()
    assert [plugins & {"openai", "offline"} for plugins in given] == [{"openai"}, {"offline"}]


async def test_names_of_elizaos_are_ours_in_the_config_too(tmp_path: Path) -> None:
    names = '["@elizaos/plugin-bootstrap", "plugin-sql", "@elizaos/plugin-openai", "weather.py"]'
    config = loaded(tmp_path, f"[[agents]]\nplugins = {names}\n")
    assert (await initialised(config))["town"] == "Berlin"
    config = loaded(tmp_path, '[[agents]]\nplugins = ["@elizaos/plugin-slak"]\n')
    [finding] = await found(config, "characters")
    assert (
        "config.toml: agents[1].plugins: @elizaos/plugin-slak: Bot Host does not have" in finding.line.detail
    )
    assert "[connectors.slack]" in finding.line.detail


async def test_a_character_that_cannot_be_read_hides_no_fault_of_the_model(tmp_path: Path) -> None:
    config = loaded(tmp_path, '[models]\nprovider = "openai"\n[[agents]]\ncharacter = "gone.toml"\n')
    names = {each.line.name: each.line.ok async for each in check(config)}
    assert names["characters"] is names["model openai"] is False
