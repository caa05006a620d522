"""What the agent knows by documents: shown with each question that it fits, looked up, added to."""

from bot_host.plugins.sources.learn import LEARN
from bot_host.plugins.sources.passages import KNOWLEDGE, SEARCH_KNOWLEDGE

ACTIONS = (SEARCH_KNOWLEDGE, LEARN)
PROVIDERS = (KNOWLEDGE,)
