"""What only Discord can do, offered to the agent for messages that came in through this account."""

from bot_host.connector import Action
from connectors.discord.bringing import bringing_actions
from connectors.discord.config import DiscordConfig
from connectors.discord.doing import doing_actions
from connectors.discord.errand import Lookup
from connectors.discord.files import Files
from connectors.discord.reading import reading_actions
from connectors.discord.rest import Rest
from connectors.discord.telling import telling_actions


def discord_actions(rest: Rest, config: DiscordConfig, files: Files) -> list[Action]:
    """The actions that the config leaves on, bound to one account."""
    lookup = Lookup(rest, config)
    every = [
        *reading_actions(lookup),
        *telling_actions(lookup),
        *doing_actions(lookup),
        *bringing_actions(lookup, files),
    ]
    return [action for action in every if config.offers(action.name)]
