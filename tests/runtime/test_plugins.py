"""Loading: from objects, names and paths, in order, with errors that name the chain."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Evaluator,
    Memory,
    Plugin,
    PluginError,
    Provider,
    ProviderResult,
    Route,
    State,
    TaskWorker,
)
from bot_host.runtime import AgentRuntime, RuntimeConfig
from bot_host.runtime.plugins import (
    build_character_plugins,
    find_plugin,
    find_plugins,
    in_order,
    load_plugin,
    names_for_character,
    resolve_plugins,
)
from bot_host.store import Database
from bot_host.testing import run_plugin_tests
from bot_host.types.errors import ConfigError, StateError
from bot_host.types.models import ModelType
from tests.runtime.conftest import ELIZA, Agents, message


async def _do(agent: Agent, call: ActionCall) -> ActionResult:
    return ActionResult()


async def _get(agent: Agent, memory: Memory, state: State) -> ProviderResult:
    return ProviderResult(text="here")


async def _look(agent: Agent, memory: Memory, state: State) -> None:
    return None


async def _model(agent: Agent, request: Any) -> str:
    return "m"


async def _serve(request: Any, agent: Agent) -> Any:
    return {}


async def _work(agent: Agent, options: Any, task: Any) -> None:
    return None


async def _send(agent: Agent, target: Any, content: Any) -> None:
    return None


ROUTE = Route(method="GET", path="/x", handler=_serve)
WORKER = TaskWorker(name="W", execute=_work)
WHOLE = Plugin(
    name="whole",
    actions=(Action(name="A", description="", handler=_do),),
    providers=(Provider(name="P", get=_get),),
    evaluators=(Evaluator(name="E", handler=_look),),
    models={ModelType.TEXT_SMALL: _model},
    model_priority=3,
    routes=(ROUTE,),
    task_workers=(WORKER,),
    send_handlers={"mine": _send},
)


async def test_all_that_a_plugin_brings(agents: Agents) -> None:
    agent = agents(WHOLE)
    await agent.start()
    assert [(a.name, a.plugin) for a in agent.actions] == [("A", "whole")]
    assert [p.name for p in agent.providers] == ["P"]
    assert [e.name for e in agent.evaluators] == ["E"]
    assert agent.models[ModelType.TEXT_SMALL] == [(3, "whole", _model)]
    assert agent.routes == [("whole", ROUTE)]
    assert agent.get_task_worker("W") is WORKER
    assert agent.send_handlers == {"mine": _send}
    assert agent.plugins == [WHOLE]
    await agent.stop()
    assert (agent.actions, agent.routes, agent.send_handlers, agent.plugins) == ([], [], {}, [])
    await agent.start()
    assert [a.name for a in agent.actions] == ["A"]


def _action(**more: Any) -> Plugin:
    return Plugin(name="bad", actions=(Action(**{"name": "A", "description": "", "handler": _do, **more}),))


WRONG: list[tuple[Any, str]] = [
    (5, "expected a Plugin, or the name of one, found 5"),
    (None, "expected a Plugin, or the name of one, found None"),
    (Plugin(name=""), "a plugin needs a name, found ''"),
    (_action(name=""), "action '': its name is a tool's name"),
    (_action(name="lower case!"), "action lower case!: its name is a tool's name"),
    (_action(name="A" * 65), "its name is a tool's name"),
    (_action(name="confirm"), "action confirm: that name is the host's own"),
    (_action(handler=None), "action A: handler must be a function, found None"),
    (_action(validate=True), "action A: validate must be a function, found True"),
    (_action(required_role="KING"), "action A: required_role must be one of Role.OWNER, .*, found KING"),
    (
        _action(parameters={"type": "nonsense"}),
        'action A: parameters must be a JSON schema with "type": "obj',
    ),
    (
        _action(parameters={"type": "object", "properties": {"n": {"type": "int"}}}),
        "parameters.n: type must be one of object, .*, found 'int'",
    ),
    (_action(parameters={"type": "object", "properties": ["n"]}), "parameters: properties is a list"),
    (_action(similes="MUTE"), "action A: similes must be a list, found MUTE"),
    (Plugin(name="bad", actions=5), "actions must be a list, found 5"),  # type: ignore[arg-type]
    (Plugin(name="bad", actions=(_do,)), "an action must be an Action, found <function"),  # type: ignore[arg-type]
    (Plugin(name="bad", providers=(None,)), "a provider must be a Provider, found None"),  # type: ignore[arg-type]
    (Plugin(name="bad", providers=(Provider(name="P", get=None),)), "provider P: get must be"),  # type: ignore[arg-type]
    (
        Plugin(name="bad", providers=(Provider(name="P", get=_get, position="last"),)),  # type: ignore[arg-type]
        "provider P: position must be a number, found last",
    ),
    (Plugin(name="bad", evaluators=(Evaluator(name="E", handler=1),)), "evaluator E: handler must be"),  # type: ignore[arg-type]
    (Plugin(name="bad", services=(5,)), "a service must be a class, found 5"),  # type: ignore[arg-type]
    (Plugin(name="bad", services=(int,)), "int: a service needs a service_type; service int: start must"),  # type: ignore[arg-type]
    (Plugin(name="bad", models={"NOPE": _model}), "models: 'NOPE' is no type of model"),  # type: ignore[dict-item]
    (Plugin(name="bad", models={ModelType.IMAGE: None}), "model IMAGE must be a function"),  # type: ignore[dict-item]
    (Plugin(name="bad", events={"RUN_ENDED": _do}), r"events\[RUN_ENDED\] must be a list, found <func"),  # type: ignore[dict-item]
    (Plugin(name="bad", events={"RUN_ENDED": [5]}), "a listener of RUN_ENDED must be a function, found 5"),  # type: ignore[list-item]
    (Plugin(name="bad", events={5: [_do]}), "events: 5 is no name or class of an event"),  # type: ignore[dict-item]
    (Plugin(name="bad", routes=(Route(method="GET", path="x", handler=_serve),)), "route x: its path must"),
    (
        Plugin(name="bad", routes=(Route(method="STATIC", path="/x", handler=_serve),)),  # type: ignore[arg-type]
        "route /x: method must be one of GET, .*, found STATIC",
    ),
    (Plugin(name="bad", task_workers=(TaskWorker(name="", execute=_work),)), "task worker: name must be a"),
    (Plugin(name="bad", send_handlers={"x": 5}), "send handler x must be a function, found 5"),  # type: ignore[dict-item]
    (Plugin(name="bad", priority="hi"), "priority must be a number, found hi"),  # type: ignore[arg-type]
    (Plugin(name="bad", dependencies="basics"), "dependencies must be a list, found basics"),  # type: ignore[arg-type]
    (Plugin(name="bad", config=dict), "config must be a pydantic model"),  # type: ignore[arg-type]
    (Plugin(name="bad", schema={}), "schema must be a Schema"),  # type: ignore[arg-type]
    (Plugin(name="bad", init=5), "init must be a function, found 5"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("plugin", "says"), WRONG)
async def test_a_plugin_with_a_wrong_part_is_refused_by_name(agents: Agents, plugin: Any, says: str) -> None:
    says = f"bad: .*{says}" if getattr(plugin, "name", "") else says
    with pytest.raises(PluginError, match=says):
        agents(plugin)
    agent = agents()
    with pytest.raises(PluginError, match=says):
        await agent.register_plugin(plugin)
    await agent.start()
    with pytest.raises(PluginError, match=says):
        await agent.register_plugin(plugin)
    assert agent.plugins == []


def test_all_that_is_wrong_with_a_plugin_is_told_at_once() -> None:
    bad = Plugin(name="bad", priority="hi", actions=(None,), models={"NOPE": _model})  # type: ignore[arg-type, dict-item]
    with pytest.raises(PluginError, match=r"^bad: priority .*; an action must .*; models: 'NOPE' is no type"):
        in_order([bad])


async def test_what_is_registered_alone_is_checked_too(agents: Agents) -> None:
    agent = agents()
    for register, wrong in (
        (agent.register_action, WHOLE.providers[0]),
        (agent.register_provider, None),
        (agent.register_evaluator, 5),
        (agent.register_task_worker, 5),
    ):
        with pytest.raises(PluginError, match=r"must be an? "):
            register(wrong)  # type: ignore[operator]
    with pytest.raises(PluginError, match="send handler mine must be a function"):
        agent.register_send_handler("mine", None)  # type: ignore[arg-type]
    with pytest.raises(PluginError, match="a service must be a class"):
        await agent.register_service(None)  # type: ignore[arg-type]
    with pytest.raises(StateError, match="is no type of model"):
        agent.register_model("NOPE", _model, "mine")
    assert (agent.actions, agent.providers, agent.evaluators, agent.task_workers) == ([], [], [], {})


async def test_a_slip_in_the_name_of_an_event_is_told_and_events_of_ones_own_are_not(
    agents: Agents, caplog: pytest.LogCaptureFixture
) -> None:
    async def hear(agent: Agent, event: Any) -> None:
        return None

    agents(Plugin(name="p", events={"RUN_ENDEED": [hear], "DICE_THROWN": [hear]}))
    assert [record.getMessage() for record in caplog.records] == [
        "events: RUN_ENDEED is none of the host's events; is RUN_ENDED meant?"
    ]


async def test_a_task_worker_comes_as_one_object_or_in_parts(agents: Agents) -> None:
    agent = agents()

    async def ready(agent: Agent, memory: Any, state: Any) -> bool:
        return True

    agent.register_task_worker(WORKER)
    agent.register_task_worker("V", _work, ready)
    assert agent.get_task_worker("W") is WORKER
    assert agent.get_task_worker("V") == TaskWorker(name="V", execute=_work, validate=ready)
    with pytest.raises(PluginError, match="task worker X: execute must be a function, found None"):
        agent.register_task_worker("X")


async def test_names_are_unique_within_a_kind(agents: Agents, caplog: pytest.LogCaptureFixture) -> None:
    twin = Plugin(
        name="twin", actions=WHOLE.actions, providers=WHOLE.providers, evaluators=WHOLE.evaluators, priority=1
    )
    agent = agents(WHOLE, twin)
    await agent.start()
    assert (len(agent.actions), len(agent.providers), len(agent.evaluators)) == (1, 1, 1)
    assert caplog.text.count("is registered already") == 3


async def test_a_plugin_joins_a_running_agent_with_its_needs_met(agents: Agents, store: Database) -> None:
    agent = agents()
    await agent.start()
    with pytest.raises(PluginError, match=r"more: needs the plugin whole.*\(more -> whole\)"):
        await agent.register_plugin(Plugin(name="more", dependencies=("whole",)))
    await agent.register_plugin(WHOLE)
    await agent.register_plugin(WHOLE)
    await agent.register_plugin(Plugin(name="more", dependencies=("whole",)))
    assert [p.name for p in agent.plugins] == ["whole", "more"]
    audit = await store.get_audit(agent.agent_id)
    assert [(e.action, e.subject) for e in audit] == [
        ("plugin registered", "more"),
        ("plugin registered", "whole"),
    ]
    await agent.stop()
    await agent.start()
    assert [p.name for p in agent.plugins] == ["whole", "more"]


def test_plugins_are_resolved_with_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Plugin(name="mine", dependencies=("@elizaos/plugin-bootstrap", "reminders"), priority=-9)
    names = [plugin.name for plugin in resolve_plugins([mine, "@elizaos/plugin-openai", "plugin-bootstrap"])]
    assert sorted(names) == ["basics", "mine", "openai", "reminders"]
    assert names.index("mine") > names.index("basics")
    assert names.index("mine") > names.index("reminders")
    assert load_plugin(mine) is mine
    with pytest.raises(PluginError, match=r"does not have this one \(nearest: OPENAI_API_KEY"):
        load_plugin("@elizaos/plugin-opnai")
    with pytest.raises(PluginError, match="needs the plugin nothing_like_it"):
        resolve_plugins([Plugin(name="mine", dependencies=("nothing_like_it",))])
    assert build_character_plugins({}) == ["basics", "reminders", "offline"]
    assert build_character_plugins({"OPENAI_API_KEY": "k", "IGNORE_BOOTSTRAP": "yes"}) == [
        "reminders",
        "openai",
    ]


async def test_a_plugin_may_bring_another_one_along(agents: Agents) -> None:
    async def init(config: Any, agent: Agent) -> None:
        await agent.register_plugin(WHOLE)

    agent = agents(Plugin(name="first", init=init))
    await agent.start()
    assert [p.name for p in agent.plugins] == ["first", "whole"]


class Sides(BaseModel):
    sides: int = 6
    secret: str = ""


def dice(seen: list[dict[str, Any]], config: type[BaseModel] | None = Sides) -> Plugin:
    async def init(config: Any, agent: Agent) -> None:
        seen.append(dict(config))

    return Plugin(name="dice", config=config, init=init, settings={"DICE_SIDES": "sides"})


async def test_a_config_is_checked_before_init_and_has_its_defaults(store: Database) -> None:
    seen: list[dict[str, Any]] = []

    async def start(given: Any, *, settings: dict[str, Any] | None = None, of: Any = Sides) -> None:
        agent = AgentRuntime(
            ELIZA, store=store, plugins=[dice(seen, of)], plugin_configs={"dice": given}, settings=settings
        )
        await agent.start()
        await agent.stop()

    for wrong, says in (
        ({"sides": "zz", "secret": "hunter2"}, "dice: its config is not valid: sides: .*integer"),
        ({"sidse": 4}, r'dice: its config has no key sidse \(did you mean "sides"\?\)'),
        ([], "dice: its config must be a mapping, not list"),
    ):
        with pytest.raises(PluginError, match=says) as caught:
            await start(wrong)
        assert "hunter2" not in str(caught.value)
        assert caught.value.agent == "Eliza"
    assert seen == []
    await start({"sides": 4})
    await start({})
    await start({}, settings={"DICE_SIDES": "20"})
    await start({"sides": 4}, settings={"DICE_SIDES": "20"})
    await start({"anything": [1]}, of=None)
    assert [each.get("sides", each) for each in seen] == [4, 6, 20, 4, {"anything": [1]}]


async def test_a_setting_that_fits_no_key_is_passed_over(
    agents: Agents, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[dict[str, Any]] = []
    await agents(dice(seen), settings={"DICE_SIDES": "many"}).start()
    assert seen == [{"sides": 6, "secret": ""}]
    assert "dice: the setting DICE_SIDES is passed over" in caplog.text
    assert "many" not in caplog.text


async def test_a_failing_init_names_plugin_and_agent_and_lets_everything_go(agents: Agents) -> None:
    closed: list[str] = []

    async def opens(config: Any, agent: Agent) -> None:
        agent.exit_stack.callback(closed.append, "closed")

    async def fails(config: Any, agent: Agent) -> None:
        raise ValueError("no such file")

    agent = agents(Plugin(name="opens", init=opens, priority=-1), Plugin(name="bad", init=fails))
    with pytest.raises(PluginError, match="bad: could not be initialised: no such file") as caught:
        await agent.start()
    assert caught.value.agent == "Eliza"
    assert closed == ["closed"]
    assert not agent.started


async def test_two_agents_share_nothing(agents: Agents) -> None:
    one, other = agents(WHOLE), agents()
    await one.start()
    await other.start()
    assert other.actions == []
    assert other.models[ModelType.TEXT_SMALL] == []
    state = await one.compose_state(message())
    assert state.text == "here"
    assert (await other.compose_state(message())).text == ""


# -- order


def test_the_order_of_the_documented_priorities() -> None:
    plugins = [Plugin(name=str(n), priority=n) for n in (100, 50, 0, -50, -100)]
    assert [p.priority for p in in_order(plugins)] == [-100, -50, 0, 50, 100]


def test_what_the_host_brings_itself_is_no_missing_dependency() -> None:
    plugin = Plugin(name="a", dependencies=("@elizaos/plugin-sql",))
    assert in_order([plugin]) == [plugin]
    with pytest.raises(PluginError, match="needs the plugin basics"):
        in_order([Plugin(name="a", dependencies=("@elizaos/plugin-bootstrap",))])


def test_the_chain_to_a_gap_and_round_a_circle() -> None:
    a, b = Plugin(name="a", dependencies=("b",)), Plugin(name="b", dependencies=("c",))
    with pytest.raises(PluginError, match=r"b: needs the plugin c, which is not loaded \(a -> b -> c\)"):
        in_order([a, b])
    with pytest.raises(PluginError, match="a -> b -> c -> a"):
        in_order([a, b, Plugin(name="c", dependencies=("a",))])


# -- where from


def test_from_a_file_and_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from bot_host.plugin import Plugin\nplugin = Plugin(name='mine')\n")
    folder = tmp_path / "plugins" / "yours"
    folder.mkdir(parents=True)
    (folder / "names.py").write_text("NAME = 'yours'\n")
    (folder / "__init__.py").write_text(
        "from bot_host.plugin import Plugin\nfrom .names import NAME\nplugin = Plugin(name=NAME)\n"
    )
    assert find_plugin("mine.py", base=tmp_path).name == "mine"
    assert find_plugin("./plugins/yours", base=tmp_path).name == "yours"
    assert find_plugin(str(tmp_path / "mine.py")) is find_plugin("mine.py", base=tmp_path)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (None, "there is no such file"),
        ("plugin = 3\n", "has no Plugin under the name plugin"),
        ("raise ValueError('a bug')\n", "could not be imported: ValueError: a bug"),
        ("def (\n", "could not be imported: SyntaxError"),
    ],
)
def test_what_is_no_plugin(tmp_path: Path, source: str | None, says: str) -> None:
    if source is not None:
        (tmp_path / "mine.py").write_text(source)
    with pytest.raises(PluginError, match=says):
        find_plugin("mine.py", base=tmp_path)


def test_short_names_of_elizaos_and_hints(caplog: pytest.LogCaptureFixture) -> None:
    assert names_for_character(["plugin-bootstrap", "@elizaos/plugin-ollama"]) == ["basics"]
    assert "nearest: models.openai.base_url" in caplog.text


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("@elizaos/plugin-telegramm", " (nearest: [connectors.telegram] in config.toml)"),
        ("@elizaos/plugin-bootstap", " (nearest: basics)"),
        ("plugin-opnai", " (nearest: OPENAI_API_KEY, or [models.openai] in config.toml)"),
        ("@elizaos/plugin-remindrs", " (nearest: reminders)"),
        ("@elizaos/plugin-nope", ""),
        ("@ada/plugin-garden", ""),
    ],
)
def test_an_unknown_name_of_elizaos_names_what_comes_nearest(
    asked: str, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert names_for_character([asked]) == []
    said = f"the character asks for {asked}, which Bot Host does not have{hint}; going on without it"
    assert [record.getMessage() for record in caplog.records] == [said]
    with pytest.raises(PluginError) as caught:
        find_plugins([asked])
    assert str(caught.value) == f"{asked}: Bot Host does not have this one{hint}"


def test_names_of_elizaos_in_code() -> None:
    asked = ["@elizaos/plugin-sql", "@elizaos/plugin-openai", "plugin-bootstrap", "plugin-discord", WHOLE]
    assert [plugin.name for plugin in find_plugins(asked)] == ["openai", "basics", "whole"]


# -- RuntimeConfig


async def test_from_config(store: Database) -> None:
    config = RuntimeConfig(
        character={"name": "Eliza"},
        plugins=["basics", WHOLE],
        database=store,
        models={ModelType.TEXT_SMALL: _model},
        environment={"A": "given"},
    )
    agent = AgentRuntime.from_config(config)
    await agent.start()
    assert agent.get_setting("A") == "given"
    assert [p.name for p in agent.plugins] == ["basics", "whole", "runtime config"]
    assert [priority for priority, _, _ in agent.models[ModelType.TEXT_SMALL]] == [1000, 3]
    assert await agent.use_model(ModelType.TEXT_SMALL, "x") == "m"
    await agent.stop()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (RuntimeConfig(character=ELIZA), "database is missing"),
        (RuntimeConfig(character={"name": ""}), "the character is not valid"),
    ],
)
def test_a_config_that_is_wrong(config: RuntimeConfig, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        AgentRuntime.from_config(config)


async def test_a_plugins_own_checks(agents: Agents) -> None:
    async def works(agent: Agent) -> None:
        assert agent.character.name == "Eliza"

    async def fails(agent: Agent) -> None:
        raise ValueError("broken")

    found = await run_plugin_tests(Plugin(name="p", tests={"works": works, "fails": fails}), agents())
    assert found["works"] is None
    assert isinstance(found["fails"], ValueError)
