"""People of other workspaces, who share a channel with ours (Slack Connect). Pure.

They read a shared channel like everybody, so they are answered when they turn to the agent, and never have a
role here. Who is of the same organisation (Enterprise Grid) is no stranger, whatever their workspace.
https://docs.slack.dev/apis/slack-connect
"""

from collections.abc import Callable, Sequence
from typing import Final

from connectors.slack.events import Event, Self, text_of

EXTERNAL: Final = "from another workspace"
EXTERNAL_UNADDRESSED: Final = "from another workspace, does not turn to the agent"
STRANGER: Final = "stranger"
"""In place of a team: Slack says that it is nobody of ours."""

Teams = Callable[[str], Sequence[str]]
"""The workspace of a person, and its organisation; empty: not looked up."""


def is_external(event: Event, me: Self, teams: Teams, *, sure: bool) -> bool:
    """Whether somebody of another workspace says this.

    `sure`: they have been looked up, if they can be. Until then an organisation's other workspaces cannot be
    told from strangers, and nobody is taken for one by the event alone.
    """
    own = {me.team_id, me.enterprise_id}
    if known := teams(text_of(event, "user")):
        return not own & set(known)
    told = text_of(event, "user_team")
    return bool(told) and told not in own and (sure or not me.enterprise_id)


def refuse(policy: str, *, addressed: bool) -> str:
    """Why what they say is not taken; empty: it is. `policy`: the key `external`."""
    if policy == "ignore":
        return EXTERNAL
    return "" if policy == "allow" or addressed else EXTERNAL_UNADDRESSED
