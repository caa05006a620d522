"""Services of one agent: started in order after all plugins, stopped in reverse, failures kept apart."""

import asyncio
import inspect
import logging
from contextlib import AsyncExitStack
from typing import Any, Final

from bot_host.contracts.plugin import Agent, Service
from bot_host.runtime.parts import check_service
from bot_host.types.errors import PluginError, StateError

log = logging.getLogger(__name__)

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0


class Services:
    """The running services by type, and who waits for one (elizaos.md 2.14)."""

    def __init__(self) -> None:
        self._running: dict[str, list[Service]] = {}
        self._wanted: list[type[Service]] = []
        self._taken: set[type[Service]] = set()
        """Registered ones that have not failed: each class has one instance."""
        self._errors: dict[str, PluginError] = {}
        self._known: list[str] = []
        self._news = asyncio.Condition()
        self._starting = False

    def register(self, service: type[Service]) -> None:
        """Note a service to be started; a class that is there already stays the only one of it.

        Several classes of one type are several services. Raises PluginError for what is no service.
        """
        name = check_service(service).service_type
        if service in self._taken:
            log.info("service %s is there already, from another plugin; it is started once", name)
            return
        self._taken.add(service)
        self._wanted.append(service)
        if name not in self._known:
            self._known.append(name)

    def expect(self) -> None:
        """Plugins are being loaded: whoever waits for a service may go on waiting."""
        self._starting = True

    async def start_all(self, agent: Agent, exit_stack: AsyncExitStack) -> None:
        """Start what is registered and not yet tried, in order. A failing one is logged and left out."""
        self._starting = True
        try:
            while self._wanted:
                await self._start(self._wanted.pop(0), agent, exit_stack)
        finally:
            await self.settle()

    async def settle(self) -> None:
        """Nothing more is coming: end the waiting for what is not there."""
        self._starting = False
        async with self._news:
            self._news.notify_all()

    async def _start(self, service: type[Service], agent: Agent, exit_stack: AsyncExitStack) -> None:
        name = service.service_type
        error: BaseException | None = None
        instance: Any = None
        try:
            async with asyncio.timeout(START_SECONDS):
                instance = await service.start(agent)
            if instance is None:
                error = TypeError("start returned no instance")
        except TimeoutError as failure:
            error = failure
            log.error("service %s did not start within %.0f s", name, START_SECONDS)
        except Exception as failure:
            error = failure
            log.exception("service %s did not start; the agent goes on without it", name)
        if error is None:
            await _register_send_handlers(service, agent, instance)
            self._running.setdefault(name, []).append(instance)
            exit_stack.push_async_callback(self._stop, name, instance)
        else:
            failed = PluginError(f"service {name} did not start: {error or type(error).__name__}")
            failed.__cause__ = error
            self._errors[name] = failed
            self._taken.discard(service)
        async with self._news:
            self._news.notify_all()

    def description(self, name: str) -> str:
        """What the first running service of a type says of itself."""
        return str(getattr(self.get(name), "capability_description", "") or "")

    async def _stop(self, name: str, service: Service) -> None:
        running = self._running.get(name, [])
        if service in running:
            running.remove(service)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await service.stop()
        except TimeoutError:
            log.warning("service %s did not stop within %.0f s", name, STOP_SECONDS)
        except Exception:
            log.exception("service %s failed while stopping", name)

    def forget(self) -> None:
        """After the agent has stopped: as new."""
        self._running.clear()
        self._wanted.clear()
        self._taken.clear()
        self._errors.clear()
        self._known.clear()

    def get(self, name: str) -> Any | None:
        """The first running service of a type."""
        running = self._running.get(name)
        return running[0] if running else None

    def by_type(self, name: str) -> list[Any]:
        """All running services of a type."""
        return list(self._running.get(name, ()))

    def all(self) -> dict[str, list[Any]]:
        """All running services by type."""
        return {name: list(running) for name, running in self._running.items() if running}

    def types(self) -> list[str]:
        """The types that were registered, running or not, in order."""
        return list(self._known)

    def status(self, name: str) -> str:
        """elizaOS's words: `registered`, `registering`, `pending`, `failed`, `unknown`."""
        if self._running.get(name):
            return "registered"
        if name in self._errors:
            return "failed"
        if name in self._known:
            return "pending" if any(s.service_type == name for s in self._wanted) else "registering"
        return "unknown"

    async def wait_for(self, name: str) -> Any:
        """The first service of a type, as soon as it runs.

        Raises PluginError when it failed, StateError when no plugin brings one, or when the agent is not
        being started (elizaOS waits for ever: 2.14-03).
        """
        async with self._news:
            while not self._running.get(name):
                if name in self._errors:
                    raise self._errors[name]
                if not self._starting:
                    raise StateError(f"there is no service {name}: no plugin has brought one")
                await self._news.wait()
        return self._running[name][0]


async def _register_send_handlers(service: type[Service], agent: Agent, instance: Any) -> None:
    """`register_send_handlers(agent, instance)`, where the class has it (elizaOS never calls it: 2.14-05)."""
    register = getattr(service, "register_send_handlers", None)
    if register is None:
        return
    try:
        done = register(agent, instance)
        if inspect.isawaitable(done):
            async with asyncio.timeout(START_SECONDS):
                await done
    except Exception:
        log.exception("service %s could not register its send handlers", service.service_type)
