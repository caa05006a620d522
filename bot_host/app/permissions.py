"""`[agents.permissions]` beside what there is: a misspelt name protects nothing."""

from collections.abc import Iterable, Iterator

from bot_host.app.agents import Hosted
from bot_host.config.lines import where_set
from bot_host.config.schema import Loaded
from bot_host.contracts.connector import CheckLine, ConnectorSpec
from bot_host.kit.names import did_you_mean
from bot_host.types.permissions import folded


def unknown_actions(
    loaded: Loaded, hosted: Iterable[Hosted], specs: Iterable[ConnectorSpec]
) -> Iterator[CheckLine]:
    """A line for each name that no action of the agent's plugins or of a connector has.

    A plugin may bring further actions when it starts, so that this is a warning and no fault.
    """
    brought = {name for spec in specs for name in spec.actions}
    for number, each in enumerate(hosted, 1):
        known = sorted(brought.union(action.name for plugin in each.plugins for action in plugin.actions))
        names = {folded(name) for name in known}
        table = each.agent.permissions.actions
        key = f"agents[{number}].permissions.actions"
        for name in table:
            if folded(name) not in names:
                where = where_set(loaded, key, table)
                yield CheckLine(
                    name=f"agent {each.character.name} permissions",
                    ok=True,
                    detail=f"no action is called {name}{did_you_mean(name.upper(), known)}: {where}",
                    advice=f"known are {', '.join(known)}",
                )
