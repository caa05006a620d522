"""What only Slack can do, offered to the agent for messages that came in through this account."""

from bot_host.connector import Action
from connectors.slack.doing import doing_actions
from connectors.slack.lookups import Workspace
from connectors.slack.own import own_actions
from connectors.slack.posting import Posting
from connectors.slack.readback import reading_actions
from connectors.slack.telling import telling_actions


def slack_actions(workspace: Workspace, posting: Posting) -> list[Action]:
    """The actions that the config leaves on, bound to one account."""
    every = [
        *reading_actions(workspace),
        *telling_actions(workspace),
        *doing_actions(workspace),
        *own_actions(workspace, posting),
    ]
    return [action for action in every if workspace.config.offers(action.name)]
