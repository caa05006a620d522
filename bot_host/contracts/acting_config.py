"""The key `actions`, which connectors have that bring actions of their own."""

from typing import ClassVar

from pydantic import field_validator

from bot_host.contracts.connector_config import ConnectorConfig
from bot_host.kit.clean import one_line


class ActingConfig(ConnectorConfig):
    """The settings of a connector that is an `ActingConnector`."""

    known_actions: ClassVar[tuple[str, ...]] = ()
    """What only this platform can do, by name."""

    actions: bool | list[str] = True
    """What only this platform can do and the agent may be asked for: all, nothing, or these actions."""

    def offers(self, action: str) -> bool:
        """Whether an action is on."""
        return action in self.actions if isinstance(self.actions, list) else self.actions

    @field_validator("actions")
    @classmethod
    def _known(cls, value: bool | list[str]) -> bool | list[str]:
        for name in value if isinstance(value, list) else ():
            if name not in cls.known_actions:
                known = ", ".join(cls.known_actions)
                raise ValueError(f'there is no action "{one_line(name, 40)}"; there are {known}')
        return value
