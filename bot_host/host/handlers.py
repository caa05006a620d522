"""Send handlers: sources that are no connector's, sent to by the same outbox (elizaos.md 2.15-02)."""

from dataclasses import replace
from typing import ClassVar, Final

from bot_host.runtime import AgentRuntime
from bot_host.types.content import Content
from bot_host.types.errors import SendLater
from bot_host.types.ids import UUID
from bot_host.types.inbound import Account
from bot_host.types.outbound import Payload, Sent, Target

_MARK: Final = ":handler:"


def handler_account(agent_id: UUID, source: str) -> Account:
    """What stands for a send handler in the rows: the source, and the agent whose handler it is."""
    return Account(platform=source, id=f"handler:{agent_id}")


def handler_of(account: str) -> tuple[str, UUID] | None:
    """Source and agent of a send handler's account key; None for any other account."""
    source, mark, agent_id = account.rpartition(_MARK)
    return (source, agent_id) if mark else None


class HandlerSender:
    """What the outbox needs of a connector, with a send handler behind it."""

    platform: ClassVar[str] = "send handler"
    typing_interval_s: ClassVar[float] = 0.0

    def __init__(self, agent: AgentRuntime, source: str) -> None:
        self._agent = agent
        self._source = source

    def encode(self, content: Content, target: Target) -> list[Payload]:
        """One part, whatever it is: only the handler knows what its platform takes."""
        return [{"content": content.to_dict()}]

    async def send(self, payload: Payload, target: Target, *, key: str) -> Sent:
        """Call the handler. Raises what it raises; SendLater when it is not there any more."""
        handler = self._agent.send_handlers.get(self._source)
        if handler is None:
            raise SendLater(f"nothing sends to {self._source} any more")
        told = replace(target, account="", extra={**target.extra, "key": key})
        sent = await handler(self._agent, told, Content.model_validate(payload["content"]))
        if isinstance(sent, Sent):
            return sent
        return Sent(platform_message_id=str(sent) if isinstance(sent, str | int) else "")
