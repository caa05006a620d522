"""The host's methods for agents: adding, starting, stopping, changing, and how they are."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, cast, overload

from bot_host.contracts.connector import CheckLine
from bot_host.contracts.plugin import Host
from bot_host.host.agents import each_of, raise_failed, stop_agent, without_secrets
from bot_host.host.base import HostBase
from bot_host.host.health import ask_providers, is_responsive, memory_usage
from bot_host.host.result import Health
from bot_host.runtime import AgentRuntime
from bot_host.types import host_events as events
from bot_host.types.character import Character
from bot_host.types.ids import UUID, as_id

STORE_SECONDS: Final = 15.0
"""What connectors may take to store what they have received."""


class AgentMethods(HostBase):
    """See `BotHost`."""

    @overload
    async def add_agents(
        self,
        agents: Iterable[Mapping[str, Any]],
        *,
        ephemeral: bool = False,
        skip_migrations: bool = False,
        auto_start: bool = False,
        return_runtimes: Literal[False] = False,
        test_mode: bool = False,
    ) -> list[UUID]: ...
    @overload
    async def add_agents(
        self,
        agents: Iterable[Mapping[str, Any]],
        *,
        ephemeral: bool = False,
        skip_migrations: bool = False,
        auto_start: bool = False,
        return_runtimes: Literal[True],
        test_mode: bool = False,
    ) -> list[AgentRuntime]: ...
    async def add_agents(
        self,
        agents: Iterable[Mapping[str, Any]],
        *,
        ephemeral: bool = False,
        skip_migrations: bool = False,
        auto_start: bool = False,
        return_runtimes: bool = False,
        test_mode: bool = False,
    ) -> list[UUID] | list[AgentRuntime]:
        """Add agents; their ids (or runtimes), in order. They answer once `start_agents` has started them.

        Each: `character` (a Character or a mapping), and if wanted `plugins` (objects or names; the default
        is the built-in behaviour and a model by the environment), `settings`, `init` (an async function of
        the runtime, called once after its first start), `database_adapter` (a Store of its own, opened and
        closed by the host), `options` (AgentOptions), `plugin_configs`.

        `ephemeral`: for the caller alone; the host keeps no reference, runs nothing in the background, and
        `handle_message` takes the runtime. Its `database_adapter` is somebody else's and open.
        `skip_migrations`: databases that were given are open and migrated, plugins' tables too, and stay open
        at the end.
        `auto_start`: start them too; when one cannot start, none is added. `test_mode`: nothing is read from
        the process's environment.

        Raises ConfigError for an id that is taken, PluginError for an unknown plugin; nothing is added then.
        """
        self._check_open()
        runtimes = [self._agents.make(item, ephemeral=ephemeral, test_mode=test_mode) for item in agents]
        if not ephemeral:
            self._agents.add(runtimes)
        for runtime in runtimes:
            if skip_migrations and (self._store_given or runtime.store is not self._store):
                self._desk_for(runtime).own = False
                runtime.skip_migrations = True
            character = without_secrets(runtime.character)
            self._events.tell(
                events.AgentAdded(agent_id=runtime.agent_id, character=character, ephemeral=ephemeral)
            )
        if auto_start:
            try:
                raise_failed(await self._start(runtimes), runtimes)
            except BaseException:
                for runtime in runtimes:
                    await stop_agent(runtime)
                    if not ephemeral:
                        self._agents.forget(runtime.agent_id)
                raise
        ids = [runtime.agent_id for runtime in runtimes]
        self._events.tell(events.AgentsAdded(agent_ids=tuple(ids), ephemeral=ephemeral))
        if auto_start:
            self._events.tell(events.AgentsStarted(agent_ids=tuple(ids)))
        return runtimes if return_runtimes else ids

    def register_agent(self, runtime: AgentRuntime) -> None:
        """Add a runtime that somebody else made, started or not. Raises ConfigError for a taken id."""
        self._check_open()
        self._agents.add([runtime])
        runtime.host = cast(Host, self)
        self._desk(runtime)
        self._events.tell(events.AgentRegistered(agent_id=runtime.agent_id))

    async def start_agents(self, ids: Iterable[UUID] | None = None) -> None:
        """Start agents (default: all) and take up what waits for them. Idempotent.

        One that cannot start keeps no other one from it: all are tried, then its error is raised (of several:
        a StateError that names them).
        """
        chosen = self._agents.chosen(ids)
        self._check_open()
        await self._main.open()
        failed = await self._start(chosen)
        started = tuple(each.agent_id for each in chosen if each.agent_id not in failed)
        self._events.tell(events.AgentsStarted(agent_ids=started))
        raise_failed(failed, chosen)

    async def stop_agents(self, ids: Iterable[UUID] | None = None) -> None:
        """Stop agents (default: all). Turns under way go back; what comes in waits in the inbox."""
        chosen = self._agents.chosen(ids)
        gone = {runtime.agent_id for runtime in chosen}
        self._agents.leaving |= gone
        try:
            for desk in self._desks:
                await desk.scheduler.release(gone)
                await desk.lanes.cancel(only=lambda key: key[0] in gone)
            self._callers.stopped("the agent was stopped; the message waits in the inbox", agent_ids=gone)
            for runtime in chosen:
                await stop_agent(runtime)
                self._events.tell(events.AgentStopped(agent_id=runtime.agent_id))
        finally:
            self._agents.leaving -= gone
        self._events.tell(events.AgentsStopped(agent_ids=tuple(each.agent_id for each in chosen)))

    async def delete_agents(self, ids: Iterable[UUID]) -> None:
        """Stop agents with their connectors and forget them; what they know stays in the database."""
        chosen = self._agents.chosen(ids)
        gone = tuple(runtime.agent_id for runtime in chosen)
        for runner in [runner for runner in self._connectors if runner.agent_id in gone]:
            await runner.stop_intake()
            running = [runner.task] if runner.task is not None else []
            if running:
                await asyncio.wait(running, timeout=STORE_SECONDS)
            self._accounts.close(runner.connector)
            await runner.close()
            self._connectors.remove(runner)
        await self.stop_agents(gone)
        for agent_id in gone:
            self._agents.forget(agent_id)
            self._events.tell(events.AgentDeleted(agent_id=agent_id))
        self._events.tell(events.AgentsDeleted(agent_ids=gone))

    def enable_editable_mode(self) -> None:
        """From now on `update_agent` may change characters."""
        self._agents.editable = True
        self._events.tell(events.ModeEditable())

    @property
    def is_editable(self) -> bool:
        """Whether `update_agent` may change characters."""
        return self._agents.editable

    async def update_agent(
        self,
        agent_id: UUID,
        updates: Mapping[str, Any],
        *,
        by: str = "code",
        note: str = "",
        expected: int | None = None,
    ) -> Character:
        """Change keys of a character, at once and in the database; the character as it is now.

        The changes hold over restarts, as long as the character that is given (by the file, or by code) is
        the same; another one is begun with as it is, and the log says what was dropped. Changed secrets end
        with the process: they are never stored. Plugins and models that it names come with the next start.
        It becomes a version, `by` whom and with a `note`. Raises StateError without `enable_editable_mode`
        and where the newest version is another one than `expected`, ConfigError for what does not fit,
        StoreError.
        """
        runtime = self._agents.get(agent_id)
        self._agents.changed(runtime, updates)
        if not runtime.started:
            self._check_open()
            await self._desk(runtime).open()
            await runtime.take_up_character()
        character, keys = self._agents.changed(runtime, updates)
        await runtime.store.edit_agent(runtime.agent_id, character, keys, by=by, note=note, expected=expected)
        await runtime.audit("character updated", character.name, {"keys": list(keys)})
        runtime.use_character(character, edited=True)
        self._events.tell(events.AgentUpdated(agent_id=runtime.agent_id, updates=keys))
        return character

    async def replace_character(
        self, agent_id: UUID, character: Character, *, by: str = "code", note: str = ""
    ) -> Character:
        """Give an agent the character that its file has now: at once, and what was changed before ends.

        Its id stays. Raises StateError without `enable_editable_mode`, ConfigError, StoreError.
        """
        runtime = self._agents.get(agent_id)
        _, keys = self._agents.changed(runtime, character.model_dump(exclude={"id"}))
        given = character
        if given.agent_id != runtime.agent_id:
            given = given.model_copy(update={"id": runtime.agent_id})
        if not runtime.started:
            self._check_open()
            await self._desk(runtime).open()
        await runtime.store.ensure_agent(runtime.agent_id, given, by=by, note=note, afresh=True)
        await runtime.audit("character replaced", given.name)
        runtime.use_character(given)
        self._events.tell(events.AgentUpdated(agent_id=runtime.agent_id, updates=keys))
        return given

    # -- how they are -----------------------------------------------------------------------------------

    async def health_check(self, ids: Iterable[UUID] | None = None) -> dict[UUID, Health]:
        """How agents are (default: all), by id.

        An unknown one is neither alive nor responsive, as in elizaOS, where starting and stopping one raise:
        who watches over agents asks of those that may be gone.
        """
        known = [each.agent_id for each in self.get_agents()]
        wanted = known if ids is None else [as_id(agent_id) for agent_id in each_of(ids)]
        memory = memory_usage()

        async def look(agent_id: UUID) -> Health:
            runtime = self._agents.find(agent_id)
            alive = runtime is not None and runtime.started
            return Health(
                alive=alive,
                responsive=runtime is not None and alive and await is_responsive(runtime),
                memory_usage=memory,
                uptime=self._agents.uptime(runtime) if runtime is not None else 0.0,
            )

        found = await asyncio.gather(*(look(agent_id) for agent_id in wanted))
        return dict(zip(wanted, found, strict=True))

    async def check_providers(self, ids: Iterable[UUID] | None = None) -> dict[UUID, list[CheckLine]]:
        """Ask each configured model provider of these agents (default: all) something; a line each."""
        chosen = self._agents.chosen(ids)
        found = await asyncio.gather(*(ask_providers(runtime) for runtime in chosen))
        return {runtime.agent_id: lines for runtime, lines in zip(chosen, found, strict=True)}

    async def validate_api_keys(self, ids: Iterable[UUID] | None = None) -> dict[UUID, bool]:
        """Whether each configured provider of an agent answers; `check_providers` says what each said."""
        found = await self.check_providers(ids)
        return {agent_id: bool(lines) and all(line.ok for line in lines) for agent_id, lines in found.items()}
