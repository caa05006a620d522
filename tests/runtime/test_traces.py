"""What is kept of the newest runs: bounded, and gone when it has to be."""

import pytest

from bot_host.contracts.plugin import Agent, Provider, ProviderResult, State
from bot_host.runtime import traces as module
from bot_host.runtime.runs import Run, use_run
from bot_host.runtime.traces import Traces
from bot_host.testing import FakeAgent, ScriptedModel
from bot_host.types.content import Content
from bot_host.types.errors import ModelError
from bot_host.types.ids import new_id
from bot_host.types.memory import Memory
from bot_host.types.models import ChatMessage, ModelType, TextRequest, TextResult, ToolCall, ToolSpec
from bot_host.types.places import Entity

ASKED = TextRequest(
    messages=(ChatMessage(role="system", content="You are Ada."), ChatMessage(role="user", content="Hi")),
    tools=(ToolSpec(name="PAY", description="", parameters={}),),
    temperature=0.5,
)


def run_of(agent_id: str) -> Run:
    return Run(run_id=new_id(), agent_id=agent_id, room_id=new_id())


def noted(traces: Traces, text: str = "Hi", agent_id: str = "a") -> Run:
    """A run that asked one model, and is over."""
    run = run_of(agent_id)
    traces.begin(run, [new_id()])
    assert run.trace is not None
    run.trace.ask(ModelType.TEXT_LARGE, TextRequest(messages=(ChatMessage(role="user", content=text),)))
    traces.end(run)
    return run


async def test_prompts_and_answers_are_kept_as_they_were() -> None:
    model = ScriptedModel(
        TextResult(text="A moment", tool_calls=(ToolCall(id="1", name="PAY", arguments="{}"),), model="m"),
        ModelError("the server is down"),
    )
    agent = FakeAgent()
    await model.plugin.init({}, agent)  # type: ignore[misc, arg-type]
    agent.traces.keep = 5
    run = run_of(agent.agent_id)
    agent.traces.begin(run, [message := new_id()])
    with use_run(run):
        # A FakeAgent's own `use_model` goes by a shorter way.
        await agent.models.use(agent, ModelType.TEXT_LARGE, ASKED)
        with pytest.raises(ModelError):
            await agent.models.use(agent, ModelType.TEXT_LARGE, ASKED)
    live = agent.traces.under_way(message)
    assert live is not None
    assert len(live.calls) == 2
    agent.traces.end(run)
    assert agent.traces.under_way(message) is None
    kept = agent.traces.find(run.id)
    assert kept is not None
    told = kept.told()
    first, second = told["calls"]
    assert [(each["role"], told["texts"][each["text"]]) for each in first["messages"]] == [
        ("system", "You are Ada."),
        ("user", "Hi"),
    ]
    assert (first["tools"], first["settings"]) == (["PAY"], {"temperature": 0.5})
    assert (first["text"], first["model"], first["error"]) == ("A moment", "m", "")
    assert first["tool_calls"] == [{"name": "PAY", "arguments": "{}"}]
    assert second["error"] == "the server is down"
    # What stands in both is kept once.
    assert told["texts"] == ["You are Ada.", "Hi"]
    assert kept.sources == {message}


async def test_what_providers_gave_is_kept_with_whose_words_it_was() -> None:
    fact = Memory(agent_id="a", entity_id=new_id(), room_id=new_id(), content=Content(text="Likes tea"))
    person = Entity(id=new_id(), agent_id="a", names=("Ben",))

    async def facts(agent: Agent, message: Memory, state: State) -> ProviderResult:
        return ProviderResult(text=" Likes tea ", data={"facts": [fact], "who": {"one": person}})

    async def broken(agent: Agent, message: Memory, state: State) -> ProviderResult:
        raise ValueError("no")

    agent = FakeAgent()
    for name, get in (("FACTS", facts), ("BROKEN", broken)):
        agent.register_provider(Provider(name=name, get=get))
    message = Memory(agent_id=agent.agent_id, entity_id=new_id(), room_id=new_id(), content=Content(text="?"))
    agent.traces.keep = 5
    run = run_of(agent.agent_id)
    agent.traces.begin(run, [message.id])
    with use_run(run), run.step("compose"):
        await agent.compose_state(message)
    # That one failed is told for good, with the run.
    assert run.record("completed").steps[0]["left_out"] == ["provider BROKEN failed: ValueError"]
    agent.traces.end(run)
    kept = agent.traces.find(run.id)
    assert kept is not None
    assert {each["name"]: (each["text"], each["error"]) for each in kept.told()["providers"]} == {
        "FACTS": ("Likes tea", ""),
        "BROKEN": ("", "failed: ValueError"),
    }
    assert kept.sources == {message.id, fact.id, fact.entity_id, person.id}


def test_nothing_is_followed_unless_somebody_wants_to_know() -> None:
    run = run_of("a")
    traces = Traces()
    traces.begin(run, [new_id()])
    assert run.trace is None


def test_the_newest_are_kept_up_to_a_number_and_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces()
    traces.keep = 2
    runs = [noted(traces) for _ in range(3)]
    assert [traces.find(run.id) is not None for run in runs] == [False, True, True]
    monkeypatch.setattr(module, "BYTES", 360)
    long = noted(traces, "".join(new_id() for _ in range(10)))
    assert [traces.find(run.id) is not None for run in (*runs, long)] == [False, False, False, True]


def test_what_is_old_is_not_told_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces()
    traces.keep = 2
    run = noted(traces)
    assert traces.find(run.id) is not None
    monkeypatch.setattr(module, "KEPT_S", -1.0)
    assert traces.find(run.id) is None


def test_what_is_to_be_forgotten_is() -> None:
    traces = Traces()
    traces.keep = 5
    one, two = noted(traces), noted(traces)
    traces.forget(one.id)
    assert (traces.find(one.id), traces.find(two.id) is not None) == (None, True)
    open_run = run_of("a")
    traces.begin(open_run, [asked := new_id()])
    traces.clear()
    assert traces.find(two.id) is None
    assert traces.under_way(asked) is None
    assert open_run.trace is None
    again = run_of("a")
    traces.begin(again, [])
    assert again.trace is not None
    again.trace.ask(ModelType.TEXT_LARGE, ASKED)
    traces.end(again, keep=False)
    assert traces.find(again.id) is None
