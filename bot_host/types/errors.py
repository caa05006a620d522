"""The tree of errors.

BotHostError
├── FetchError             an address on the web that was not read
│   ├── FetchRefused       not allowed
│   └── FetchFailed        the network or the other server failed
├── ConfigError            a file or key that the admin can mend
│   └── CharacterError
├── StoreError             the database refused or is not there
│   ├── NotReady           there is none yet, or an older one: the next start sees to it
│   └── StoreUnfit         it cannot be used as it is, and waiting will not help
├── PluginError            a plugin's fault, by name
│   └── ActionError
├── StateError             asked for at the wrong time, or of something unknown
│   ├── StoppedError       the agent or the host was stopped meanwhile
│   └── CircleError        agents would wait for each other for ever
├── TurnError              a message that an agent failed to answer
├── ModelError             no model answered
└── ConnectorError         a platform account
    ├── LoginError         the platform refuses this account: waiting will not help
    └── SendError
        ├── SendLater      not taken; try again, not before `after_s`
        ├── SendRefused    not taken and never will be
        │   └── RoomClosed nor will anything else that is sent there
        └── SendUnknown    left us, no answer: it may or may not have arrived
"""

from bot_host.kit.faults import BotHostError as BotHostError
from bot_host.kit.faults import FetchError as FetchError
from bot_host.kit.faults import FetchFailed as FetchFailed
from bot_host.kit.faults import FetchRefused as FetchRefused


class ConfigError(BotHostError):
    """A setting that the admin has to mend. The message names file and key, and the way out."""


class CharacterError(ConfigError):
    """A character file that does not say who the agent is."""


class StoreError(BotHostError):
    """The database refused, or cannot be reached."""


class NotReady(StoreError):
    """There is no database yet, or an older one, and nothing is wrong: the host's next start sees to it."""


class StoreUnfit(StoreError):
    """It cannot be used as it is (damaged, a newer version's, no permission): the admin's turn."""


class PluginError(BotHostError):
    """A plugin's fault. The message begins with the plugin's name."""


class ActionError(PluginError):
    """An action that could not be run."""


class StateError(BotHostError):
    """Asked for at the wrong time, or of something that is not known."""


class StoppedError(StateError):
    """The agent or the host was stopped meanwhile. What was taken in waits for the next start."""


class CircleError(StateError):
    """An agent asks an agent that waits, itself or by others, for the one that asks."""


class TurnError(BotHostError):
    """A message that an agent failed to answer; the message says why."""


class ModelError(BotHostError):
    """No model answered. `retryable` says whether the same request may succeed later.

    `after_s`: seconds that the server asked us to wait first; None: it did not say. `outage`: it is not this
    request's own fault, any other would fail as well just now (no connection, silence, overload). `too_long`:
    the prompt does not fit into the model; `context_tokens`: what would, where the server says so.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        after_s: float | None = None,
        outage: bool = False,
        too_long: bool = False,
        context_tokens: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.after_s = after_s
        self.outage = outage
        self.too_long = too_long
        self.context_tokens = context_tokens


class ConnectorError(BotHostError):
    """A platform account's fault: lost connection, refused request."""


class LoginError(ConnectorError):
    """The platform refuses this account (token wrong or revoked, intent not allowed): retrying is no use."""


class SendError(ConnectorError):
    """A message did not go out."""


class SendLater(SendError):
    """Not taken now (rate limit, server trouble, no connection): safe to send again.

    `account`: nothing that the account sends would be taken now, whatever the room. `limited`: the platform
    asks for less, and a new login changes nothing in that.
    """

    def __init__(
        self,
        message: str,
        *,
        after_s: float | None = None,
        account: bool = False,
        limited: bool = False,
    ) -> None:
        super().__init__(message)
        self.after_s = after_s
        self.account = account
        self.limited = limited


class SendRefused(SendError):
    """Not taken, and never will be (too long, bad markup, empty)."""


class RoomClosed(SendRefused):
    """Nothing that is sent to this room will be taken (blocked, kicked, unknown chat, missing permission).

    What waits for the room is given up together. `advice`: the admin's way out; it is added to the message.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(f"{message}; {advice}" if advice else message)


class SendUnknown(SendError):
    """The request left us and no answer came: the message may have arrived."""
