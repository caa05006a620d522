"""What only Telegram can do, offered to the agent for messages that came in through this account."""

from bot_host.connector import Action
from connectors.telegram.bringing import bringing_actions
from connectors.telegram.config import TelegramConfig
from connectors.telegram.doing import doing_actions
from connectors.telegram.files import Files
from connectors.telegram.lookups import Call, Lookup
from connectors.telegram.places import IdsOf, only_id
from connectors.telegram.telling import telling_actions


def telegram_actions(
    call: Call, config: TelegramConfig, files: Files, *, ids_of: IdsOf = only_id
) -> list[Action]:
    """The actions that the config leaves on, bound to one account. `ids_of`: see `View`."""
    lookup = Lookup(call, config, ids_of=ids_of)
    every = [*doing_actions(lookup), *bringing_actions(lookup, files), *telling_actions(lookup)]
    return [action for action in every if config.offers(action.name)]
