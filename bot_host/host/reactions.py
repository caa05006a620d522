"""A reaction in place of words: on messages of shared rooms whose turn failed, where an admin wants that."""

from collections.abc import Sequence
from dataclasses import replace

from bot_host.contracts.connector import Connector, ReactingConnector
from bot_host.contracts.turn import Turn
from bot_host.host.accounts import Accounts
from bot_host.types.errors import RoomClosed, SendRefused
from bot_host.types.ids import UUID
from bot_host.types.outbound import Sent, destination_of
from bot_host.types.turn import InboxEnd, NewOutbox, Operation, OutboxRow, Outcome

_REACTION = "reaction"


def failure_reactions(
    accounts: Accounts, turn: Turn, ends: Sequence[InboxEnd], *, run_id: UUID
) -> list[NewOutbox]:
    """For the newest message of a turn that failed without a word: the account's `failed_reaction`.

    A message that failed, was edited and failed again gets it again: to the platform that is no change.
    """
    failed = {end.seq for end in ends if end.outcome is Outcome.FAILED}
    row = next((row for row in reversed(turn.rows) if row.seq in failed), None)
    line = accounts.find(row.account) if row is not None else None
    if row is None or line is None or not isinstance(line.connector, ReactingConnector):
        return []
    wanted = line.config.failed_reaction.strip()
    if not wanted:
        return []
    target = replace(line.voiced(row.target), reply_to=row.message_id)
    return [
        NewOutbox(
            agent_id=row.agent_id,
            account=line.account.key,
            destination=destination_of(line.account.key, target),
            target=target,
            payload={_REACTION: wanted},
            part=0,
            parts=1,
            run_id=run_id,
            operation=Operation.REACT,
        )
    ]


async def react(connector: Connector, row: OutboxRow) -> Sent:
    """Put it. Raises as `Connector.send`, but a refusal says nothing of the room."""
    if not isinstance(connector, ReactingConnector):
        raise SendRefused(f"{connector.platform} messages take no reactions")
    try:
        await connector.react(row.target, row.payload[_REACTION])
    except RoomClosed as error:
        raise SendRefused(str(error)) from error
    return Sent(platform_message_id="")
