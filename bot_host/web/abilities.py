"""What an agent can do, for those who run it."""

from typing import Any, Final

from bot_host.host import BotHost
from bot_host.runtime import AgentRuntime
from bot_host.runtime.commands import needed_roles
from bot_host.types.models import ModelType
from bot_host.types.permissions import NOBODY, Needed
from bot_host.types.places import Role

WHO: Final = {Role.OWNER: "owners", Role.ADMIN: "admins", Role.NONE: "everyone"}


def abilities_of(host: BotHost, agent: AgentRuntime) -> dict[str, Any]:
    """Its parts by kind; those of plugins are there while it runs."""
    return {
        "started": agent.started,
        "plugins": [{"name": each.name, "description": each.description} for each in agent.given_plugins],
        "actions": [
            {
                "name": each.name,
                "description": each.description,
                "plugin": each.plugin,
                "who": _who(agent.permissions.for_action(each.name, each.required_role)),
                "confirm": each.confirm,
            }
            for each in agent.actions
        ],
        "commands": [
            {
                "name": each.name,
                "description": each.description,
                "plugin": each.plugin,
                "who": _who(*needed_roles(agent, each, shared=False)),
                "who_in_groups": _who(*needed_roles(agent, each, shared=True)),
            }
            for each in agent.commands
        ],
        "providers": [
            {
                "name": each.name,
                "description": each.description,
                "always": not each.dynamic and not each.private,
            }
            for each in sorted(agent.providers, key=lambda each: each.position)
        ],
        "evaluators": [{"name": each.name, "description": each.description} for each in agent.evaluators],
        "models": [
            {"type": kind.value, "providers": providers}
            for kind in ModelType
            if (providers := agent.models.providers(kind))
        ],
        "connectors": [
            {
                "name": each.name,
                "state": each.state.value,
                "account": each.account.name if each.account is not None else "",
            }
            for each in host.connectors
            if each.agent_id == agent.agent_id
        ],
    }


def _who(*needed: Needed) -> str:
    if NOBODY in needed:
        return "nobody: switched off"
    if Role.OWNER in needed:
        return WHO[Role.OWNER]
    return WHO[Role.ADMIN] if Role.ADMIN in needed else WHO[Role.NONE]
