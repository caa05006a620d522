"""Services: in order, in reverse, contained, waited for but never for ever."""

import asyncio
from typing import Any, ClassVar, Self

import pytest

from bot_host.plugin import Agent, Content, Plugin, ServiceType, Target
from bot_host.runtime import services as services_module
from bot_host.runtime.agent import AgentRuntime
from bot_host.types.errors import PluginError, StateError
from tests.runtime.conftest import Agents

HAPPENED: list[str] = []


class Base:
    service_type: ClassVar[str] = "base"

    @classmethod
    async def start(cls, agent: Agent) -> Self:
        HAPPENED.append(f"start {cls.service_type}")
        return cls()

    async def stop(self) -> None:
        HAPPENED.append(f"stop {self.service_type}")


def service(name: str, parent: type[Base] = Base) -> type[Base]:
    return type(name, (parent,), {"service_type": name})


class Fails(Base):
    service_type = "fails"

    @classmethod
    async def start(cls, agent: Agent) -> Self:
        raise ValueError("no such port")


class FailsToStop(Base):
    service_type = "sticky"

    async def stop(self) -> None:
        raise ValueError("stuck")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    HAPPENED.clear()


async def test_after_all_plugins_in_order_and_stopped_in_reverse(agents: Agents) -> None:
    async def init(config: Any, agent: Agent) -> None:
        HAPPENED.append("init last")

    agent = agents(
        Plugin(name="first", priority=-1, services=(service("one"), service("two"))),
        Plugin(name="last", init=init, services=(service("three"),)),
    )
    await agent.start()
    await agent.stop()
    assert HAPPENED == [
        "init last",
        "start one",
        "start two",
        "start three",
        "stop three",
        "stop two",
        "stop one",
    ]
    assert agent.get_all_services() == {}


async def test_lookups(agents: Agents) -> None:
    one, another = service("one"), service("one")
    agent = agents(Plugin(name="p", services=(one, another, Fails)))
    await agent.start()
    assert isinstance(agent.get_service("one"), one)
    assert [type(each) for each in agent.get_services_by_type("one")] == [one, another]
    assert agent.get_registered_service_types() == ["one", "fails"]
    assert list(agent.get_all_services()) == ["one"]
    assert (agent.has_service("one"), agent.has_service("fails"), agent.has_service("none")) == (
        True,
        False,
        False,
    )
    assert agent.get_service("none") is None
    assert agent.get_service(ServiceType.DATABASE) is agent.store
    status = agent.get_service_registration_status
    assert (status("one"), status("fails"), status("none")) == ("registered", "failed", "unknown")
    assert agent.get_service_health() == {
        "one": {"status": "registered", "instances": 2, "description": ""},
        "fails": {"status": "failed", "instances": 0, "description": ""},
    }


async def test_a_service_tells_what_it_can_do_and_registers_its_send_handlers(
    agents: Agents, caplog: pytest.LogCaptureFixture
) -> None:
    async def post(agent: Agent, target: Target, content: Content) -> None:
        """Never called here."""

    class Post(Base):
        service_type = "post"
        capability_description = "posts things"

        @staticmethod
        def register_send_handlers(agent: Agent, instance: Base) -> None:
            assert isinstance(instance, Post)
            agent.register_send_handler("post", post)

    class Broken(Base):
        service_type = "broken"

        @staticmethod
        async def register_send_handlers(agent: Agent, instance: Base) -> None:
            raise ValueError("no such handler")

    agent = agents(Plugin(name="p", services=(Post, Broken)))
    await agent.start()
    assert agent.send_handlers == {"post": post}
    assert agent.get_service_health()["post"]["description"] == "posts things"
    assert agent.has_service("broken")
    assert "service broken could not register its send handlers" in caplog.text


async def test_a_class_from_two_plugins_has_one_instance(agents: Agents) -> None:
    one = service("one")
    agent = agents(Plugin(name="p", services=(one, one)), Plugin(name="q", services=(one, service("two"))))
    await agent.start()
    await agent.register_service(one)
    assert HAPPENED == ["start one", "start two"]
    assert agent.get_service_health()["one"]["instances"] == 1
    await agent.stop()
    await agent.start()
    assert HAPPENED.count("start one") == 2


async def test_a_service_that_failed_may_be_registered_again(agents: Agents) -> None:
    class Later(Base):
        service_type = "later"
        ready = False

        @classmethod
        async def start(cls, agent: Agent) -> Self:
            if not cls.ready:
                raise ValueError("not yet")
            return cls()

    agent = agents(Plugin(name="p", services=(Later,)))
    await agent.start()
    assert agent.get_service_registration_status("later") == "failed"
    Later.ready = True
    await agent.register_service(Later)
    assert agent.get_service_registration_status("later") == "registered"


async def test_a_failing_service_hurts_nobody_and_says_so(
    agents: Agents, caplog: pytest.LogCaptureFixture
) -> None:
    agent = agents(Plugin(name="p", services=(Fails, FailsToStop, service("one"))))
    await agent.start()
    assert agent.has_service("one")
    assert "service fails did not start" in caplog.text
    with pytest.raises(PluginError, match="fails did not start: no such port"):
        await agent.get_service_load_promise("fails")
    await agent.stop()
    assert "service sticky failed while stopping" in caplog.text
    assert "stop one" in HAPPENED


async def test_a_service_that_hangs_is_given_up(agents: Agents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services_module, "START_SECONDS", 0.01)

    class Hangs(Base):
        service_type = "hangs"

        @classmethod
        async def start(cls, agent: Agent) -> Self:
            await asyncio.Event().wait()
            return cls()

    agent = agents(Plugin(name="p", services=(Hangs,)))
    await agent.start()
    with pytest.raises(PluginError, match="hangs did not start"):
        await agent.get_service_load_promise("hangs")


async def test_the_promise_comes_true_and_is_never_pending_for_ever(agents: Agents) -> None:
    waiting: list[asyncio.Task[Any]] = []

    async def init(config: Any, agent: Agent) -> None:
        wait = agent.get_service_load_promise
        waiting.extend(asyncio.create_task(wait(name)) for name in ("one", "none"))
        await asyncio.sleep(0)

    agent = agents(Plugin(name="p", init=init, services=(service("one"),)))
    with pytest.raises(StateError, match="no service one"):
        await agent.get_service_load_promise("one")
    await agent.start()
    assert await waiting[0] is agent.get_service("one")
    with pytest.raises(StateError, match="no service none"):
        await waiting[1]
    with pytest.raises(StateError, match="no service none"):
        await agent.get_service_load_promise("none")


async def test_a_service_registered_later_starts_at_once(agent: AgentRuntime) -> None:
    await agent.register_service(service("late"))
    assert agent.has_service("late")
    nameless = type("Nameless", (Base,), {"service_type": ""})
    with pytest.raises(PluginError, match="needs a service_type"):
        await agent.register_service(nameless)
