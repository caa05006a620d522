"""What an agent's plugins brought: actions, commands, providers, evaluators, workers …"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar, cast

from bot_host.contracts.plugin import (
    Action,
    Command,
    Evaluator,
    Execute,
    Plugin,
    Provider,
    Route,
    SendHandler,
    TaskWorker,
    Validate,
)
from bot_host.runtime import parts
from bot_host.types.errors import PluginError
from bot_host.types.memory import Memory

log = logging.getLogger(__name__)
Named = TypeVar("Named", Action, Provider, Evaluator)


class Registry:
    """Lists by kind, in the order of registration. Names are unique within a kind (2.4-04, 2.6-04 [T])."""

    def __init__(self) -> None:
        self.plugins: list[Plugin] = []
        """Loaded ones, in the order of loading."""
        self.actions: list[Action] = []
        self.commands: list[Command] = []
        self.providers: list[Provider] = []
        self.evaluators: list[Evaluator] = []
        self.routes: list[tuple[str, Route]] = []
        """Plugin name and route."""
        self.task_workers: dict[str, TaskWorker] = {}
        self.send_handlers: dict[str, SendHandler] = {}
        """By source. Called by the host's outbox only."""
        self.on_send_handler: Callable[[str], None] = lambda _source: None
        """Called when one was registered; the host's outbox sends what waits for it then."""

        self.platform_actions: Callable[[Memory], Sequence[Action]] = lambda _message: ()
        """What the platform account that a message came in through can do; set by the host."""

    def actions_for(self, message: Memory) -> Sequence[Action]:
        """What plugins brought, and what the message's platform account can do besides."""
        brought = self.platform_actions(message)
        if not brought:
            return self.actions
        known = {action.name for action in self.actions}
        return [*self.actions, *(action for action in brought if action.name not in known)]

    def register_action(self, action: Action) -> None:
        """Add an action; a second one of the same name is left out with a warning. Raises PluginError."""
        _add(self.actions, parts.check_action(action), "action")

    def register_command(self, command: Command) -> None:
        """Add a command. Raises PluginError: also for a name that another one has, as none would be safe."""
        parts.check_command(command)
        known = next((each for each in self.commands if each.name == command.name), None)
        if known is not None:
            raise PluginError(
                f"{command.plugin or 'a plugin'}: the command {command.name} is "
                f"{known.plugin or 'another plugin'}'s already; give it another name"
            )
        self.commands.append(command)

    def register_provider(self, provider: Provider) -> None:
        """Add a provider; a second one of the same name is left out with a warning. Raises PluginError."""
        _add(self.providers, parts.check_provider(provider), "provider")

    def register_evaluator(self, evaluator: Evaluator) -> None:
        """Add an evaluator; a second one of the same name is left out with a warning. Raises PluginError."""
        _add(self.evaluators, parts.check_evaluator(evaluator), "evaluator")

    def register_task_worker(
        self, worker: TaskWorker | str, execute: Execute | None = None, validate: Validate | None = None
    ) -> None:
        """Say who runs the tasks of a name, by a TaskWorker or its parts; the last one wins. PluginError."""
        if isinstance(worker, str):
            worker = TaskWorker(name=worker, execute=cast(Execute, execute), validate=validate)
        self.task_workers[parts.check_worker(worker).name] = worker

    def get_task_worker(self, name: str) -> TaskWorker | None:
        """Who runs the tasks of a name."""
        return self.task_workers.get(name)

    def register_send_handler(self, source: str, handler: SendHandler) -> None:
        """Say who sends to a source that is no connector's; the last one wins. Only the outbox calls it."""
        parts.check_send_handler(source, handler)
        self.send_handlers[source] = handler
        self.on_send_handler(source)

    def _take_parts(self, plugin: Plugin) -> None:
        """All of a plugin that is only to be listed."""
        for action in plugin.actions:
            self.register_action(replace(action, plugin=plugin.name))
        for command in plugin.commands:
            self.register_command(replace(command, plugin=plugin.name))
        for provider in plugin.providers:
            self.register_provider(provider)
        for evaluator in plugin.evaluators:
            self.register_evaluator(evaluator)
        self.routes.extend((plugin.name, route) for route in plugin.routes)
        for worker in plugin.task_workers:
            self.register_task_worker(worker)
        for source, handler in plugin.send_handlers.items():
            self.register_send_handler(source, handler)
        self.plugins.append(plugin)

    def _forget_parts(self) -> None:
        self.plugins.clear()
        self.actions.clear()
        self.commands.clear()
        self.providers.clear()
        self.evaluators.clear()
        self.routes.clear()
        self.task_workers.clear()
        self.send_handlers.clear()


def _add(known: list[Named], new: Named, kind: str) -> None:
    if any(each.name == new.name for each in known):
        log.warning("%s %s is registered already; the second one is left out", kind, new.name)
        return
    known.append(new)
