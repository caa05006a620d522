"""What a plugin brings, checked when it is loaded: a slip is told with its name, and not in mid-turn."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel

from bot_host.contracts.plugin import Action, Command, Evaluator, Plugin, Provider, Route, Service, TaskWorker
from bot_host.contracts.tables import Schema
from bot_host.kit.clean import one_line
from bot_host.kit.json_schema import schema_faults
from bot_host.kit.names import nearest
from bot_host.runtime.commands import command_faults
from bot_host.runtime.confirm import CONFIRM
from bot_host.runtime.requests import as_type
from bot_host.types.errors import PluginError, StateError
from bot_host.types.events import Event, EventType
from bot_host.types.places import Role

log = logging.getLogger(__name__)

T = TypeVar("T")
Faults: TypeAlias = Iterator[str]

_TOOL_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What OpenAI, and the servers that speak its API, take as a function's name.

https://platform.openai.com/docs/api-reference/chat/create
"""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def check_plugin(plugin: Any) -> Plugin:
    """The plugin itself. Raises PluginError that names it and all that is wrong with its parts."""
    if not isinstance(plugin, Plugin):
        raise PluginError(f"expected a Plugin, or the name of one, found {_shown(plugin)}")
    if not isinstance(plugin.name, str) or not plugin.name.strip():
        raise PluginError(f"a plugin needs a name, found {_shown(plugin.name)}")
    faults = [*_itself(plugin), *_parts(plugin), *_handlers(plugin)]
    if faults:
        raise PluginError(f"{plugin.name}: {'; '.join(faults)}")
    return plugin


def check_action(action: Action) -> Action:
    """An action that is registered by itself. Raises PluginError."""
    return _sound(action, _action(action))


def check_command(command: Command) -> Command:
    """The same for a command."""
    return _sound(command, command_faults(command))


def check_provider(provider: Provider) -> Provider:
    """The same for a provider."""
    return _sound(provider, _provider(provider))


def check_evaluator(evaluator: Evaluator) -> Evaluator:
    """The same for an evaluator."""
    return _sound(evaluator, _evaluator(evaluator))


def check_worker(worker: TaskWorker) -> TaskWorker:
    """The same for a task worker."""
    return _sound(worker, _worker(worker))


def check_service(service: type[Service]) -> type[Service]:
    """The same for the class of a service."""
    return _sound(service, _service(service))


def check_send_handler(source: str, handler: Any) -> None:
    """The same for a send handler."""
    _sound(handler, _by_name("send handler", source, handler))


def _sound(part: T, faults: Iterable[str]) -> T:
    wrong = list(faults)
    if wrong:
        raise PluginError("; ".join(wrong))
    return part


# -- the fields of a plugin


def _itself(plugin: Plugin) -> Faults:
    for name in ("priority", "model_priority"):
        yield from _number(name, getattr(plugin, name))
    for name in ("init", "check"):
        yield from _callable(name, getattr(plugin, name), optional=True)
    model: Any = plugin.config
    if model is not None and not (isinstance(model, type) and issubclass(model, BaseModel)):
        yield f"config must be a pydantic model, found {_shown(model)}"
    schema: Any = plugin.schema
    if schema is not None and not isinstance(schema, Schema):
        yield f"schema must be a Schema, found {_shown(schema)}"
    yield from _texts("dependencies", plugin.dependencies)
    yield from _each_of("settings", plugin.settings, lambda key, value: _text(f"settings[{key!r}]", value))


def _parts(plugin: Plugin) -> Faults:
    yield from _each("actions", plugin.actions, _action)
    yield from _each("commands", plugin.commands, command_faults)
    yield from _each("providers", plugin.providers, _provider)
    yield from _each("evaluators", plugin.evaluators, _evaluator)
    yield from _each("services", plugin.services, _service)
    yield from _each("routes", plugin.routes, _route)
    yield from _each("task_workers", plugin.task_workers, _worker)


def _handlers(plugin: Plugin) -> Faults:
    yield from _each_of("models", plugin.models, _model)
    yield from _each_of("events", plugin.events, _event)
    yield from _each_of("send_handlers", plugin.send_handlers, lambda *it: _by_name("send handler", *it))
    yield from _each_of("tests", plugin.tests, lambda *it: _by_name("test", *it))


# -- the parts


def _action(action: Any) -> Faults:
    if not isinstance(action, Action):
        yield f"an action must be an Action, found {_shown(action)}"
        return
    what = f"action {_shown(action.name)}"
    if not isinstance(action.name, str) or not _TOOL_NAME.fullmatch(action.name):
        yield f"{what}: its name is a tool's name: 1 to 64 letters, digits, hyphens and underscores"
    elif action.name.upper() == CONFIRM.name:
        yield f"{what}: that name is the host's own"
    yield from _text(f"{what}: description", action.description, empty=True)
    yield from _callable(f"{what}: handler", action.handler)
    yield from _callable(f"{what}: validate", action.validate, optional=True)
    if action.required_role is not None and action.required_role not in list(Role):
        known = ", ".join(f"Role.{role}" for role in Role)
        yield f"{what}: required_role must be one of {known}, found {_shown(action.required_role)}"
    if not isinstance(action.parameters, Mapping) or action.parameters.get("type") != "object":
        yield f'{what}: parameters must be a JSON schema with "type": "object"'
    else:
        yield from schema_faults(action.parameters, f"{what}: parameters")
    yield from _texts(f"{what}: similes", action.similes)


def _provider(provider: Any) -> Faults:
    if not isinstance(provider, Provider):
        yield f"a provider must be a Provider, found {_shown(provider)}"
        return
    yield from _text("provider: name", provider.name)
    yield from _callable(f"provider {_shown(provider.name)}: get", provider.get)
    yield from _number(f"provider {_shown(provider.name)}: position", provider.position)


def _evaluator(evaluator: Any) -> Faults:
    if not isinstance(evaluator, Evaluator):
        yield f"an evaluator must be an Evaluator, found {_shown(evaluator)}"
        return
    what = f"evaluator {_shown(evaluator.name)}"
    yield from _text("evaluator: name", evaluator.name)
    yield from _callable(f"{what}: handler", evaluator.handler)
    yield from _callable(f"{what}: validate", evaluator.validate, optional=True)


def _service(service: Any) -> Faults:
    if not isinstance(service, type):
        yield f"a service must be a class, found {_shown(service)}"
        return
    kind = getattr(service, "service_type", "")
    if not isinstance(kind, str) or not kind:
        yield f"{service.__name__}: a service needs a service_type"
    for name in ("start", "stop"):
        yield from _callable(f"service {service.__name__}: {name}", getattr(service, name, None))


def _route(route: Any) -> Faults:
    if not isinstance(route, Route):
        yield f"a route must be a Route, found {_shown(route)}"
        return
    what = f"route {_shown(route.path)}"
    if route.method not in _METHODS:
        yield f"{what}: method must be one of {', '.join(_METHODS)}, found {_shown(route.method)}"
    if not isinstance(route.path, str) or not route.path.startswith("/"):
        yield f"{what}: its path must begin with /"
    yield from _callable(f"{what}: handler", route.handler)


def _worker(worker: Any) -> Faults:
    if not isinstance(worker, TaskWorker):
        yield f"a task worker must be a TaskWorker, found {_shown(worker)}"
        return
    what = f"task worker {_shown(worker.name)}"
    yield from _text("task worker: name", worker.name)
    yield from _callable(f"{what}: execute", worker.execute)
    yield from _callable(f"{what}: validate", worker.validate, optional=True)


def _model(type: Any, handler: Any) -> Faults:
    try:
        as_type(type)
    except StateError as error:
        yield f"models: {error}"
    yield from _callable(f"model {_shown(type)}", handler)


def _event(event: Any, listeners: Any) -> Faults:
    if not isinstance(event, str) and not (isinstance(event, type) and issubclass(event, Event)):
        yield f"events: {_shown(event)} is no name or class of an event"
    elif isinstance(event, str) and event not in list(EventType) and nearest(event, EventType):
        # It may be an event of the plugin's own.
        log.warning("events: %s is none of the host's events; is %s meant?", event, nearest(event, EventType))
    what = f"events[{_shown(event)}]"
    yield from _each(what, listeners, lambda listener: _callable(f"a listener of {event}", listener))


def _by_name(what: str, name: Any, handler: Any) -> Faults:
    yield from _text(f"{what}: name", name)
    yield from _callable(f"{what} {_shown(name)}", handler)


# -- values


def _each(what: str, found: Any, check: Callable[[Any], Faults]) -> Faults:
    if isinstance(found, list | tuple):
        for item in found:
            yield from check(item)
    else:
        yield f"{what} must be a list, found {_shown(found)}"


def _each_of(what: str, found: Any, check: Callable[[Any, Any], Faults]) -> Faults:
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from check(key, value)
    else:
        yield f"{what} must be a mapping, found {_shown(found)}"


def _texts(what: str, found: Any) -> Faults:
    yield from _each(what, found, lambda item: _text(f"{what}: each", item))


def _text(what: str, found: Any, *, empty: bool = False) -> Faults:
    if not isinstance(found, str) or not (empty or found.strip()):
        yield f"{what} must be a text, found {_shown(found)}"


def _number(what: str, found: Any) -> Faults:
    if isinstance(found, bool) or not isinstance(found, int | float):
        yield f"{what} must be a number, found {_shown(found)}"


def _callable(what: str, found: Any, *, optional: bool = False) -> Faults:
    if not callable(found) and not (optional and found is None):
        yield f"{what} must be a function, found {_shown(found)}"


def _shown(value: Any) -> str:
    return one_line(value if isinstance(value, str) and value.strip() else repr(value), 60)
