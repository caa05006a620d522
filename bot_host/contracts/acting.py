"""Actions that a connector brings for the agent that answers there."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from bot_host.contracts.plugin import Action


@runtime_checkable
class ActingConnector(Protocol):
    """A connector with actions that only its platform can do: reading a channel, pinning a message.

    They are the agent's while the account is logged in, and only for messages that came in through it: with
    two accounts of one platform each message finds those of its own. Names are unique within a connector;
    another platform may use the same, and a plugin's action of that name goes before it.
    """

    def actions(self) -> Sequence[Action]:
        """What it can do, bound to this account. Asked at each login.

        An action works with the rights of the account: it looks itself, when it runs, what the person who
        asks may do. `Memory.metadata["from_id"]` is their id at the platform, `"source_id"` the message's,
        `"replied_id"` that of the message that it answers, where the connector tells it.
        """
