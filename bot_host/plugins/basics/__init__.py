"""The default behaviour: who the agent is, where it is, how it holds itself there, what it learns.

In every prompt: CHARACTER, ROOM, TIME; in rooms of several people ANXIETY; INSTRUCTIONS, SUMMARY, FACTS,
KNOWLEDGE, RELEVANT_MESSAGES and CHOICE where there are any. On request (`include`): WORLD, ROLES, SETTINGS,
ENTITIES, RELATIONSHIPS, PROVIDERS, ATTACHMENTS, RECENT_MESSAGES, ACTION_STATE, ACTIONS, EVALUATORS. The
pipeline gives history as messages, actions as tools and their results as answers to the calls, so the system
prompt stays short and its beginning the same.
"""

from bot_host.plugin import Plugin
from bot_host.plugins.basics.abilities import ACTION_STATE, ACTIONS, EVALUATORS, PROVIDERS
from bot_host.plugins.basics.choices import CHOICE, CHOOSE_OPTION
from bot_host.plugins.basics.images import GENERATE_IMAGE
from bot_host.plugins.basics.instructions import INSTRUCTIONS
from bot_host.plugins.basics.knowledge import ENTITIES, FACTS, RELATIONSHIPS
from bot_host.plugins.basics.people import UPDATE_CONTACT
from bot_host.plugins.basics.providers import ANXIETY, CHARACTER, ROOM, TIME, WORLD
from bot_host.plugins.basics.reflection import REFLECTION
from bot_host.plugins.basics.relevant import RELEVANT_MESSAGES
from bot_host.plugins.basics.remember import FORGET_FACT, REMEMBER
from bot_host.plugins.basics.roles import ROLES, UPDATE_ROLE
from bot_host.plugins.basics.rooms import FOLLOW_ROOM, MUTE_ROOM, UNFOLLOW_ROOM, UNMUTE_ROOM
from bot_host.plugins.basics.sending import SEND_MESSAGE
from bot_host.plugins.basics.settings import SETTINGS, UPDATE_SETTINGS
from bot_host.plugins.basics.silence import IGNORE, NONE, REPLY
from bot_host.plugins.basics.summary import SUMMARY
from bot_host.plugins.basics.talk import ATTACHMENTS, RECENT_MESSAGES
from bot_host.plugins.commands import COMMANDS
from bot_host.plugins.commands import PROVIDERS as OF_COMMANDS
from bot_host.plugins.sources import ACTIONS as OF_SOURCES
from bot_host.plugins.sources import PROVIDERS as PASSAGES

plugin = Plugin(
    name="basics",
    description="Who and where the agent is, how it holds itself in rooms, what it learns of people.",
    actions=(
        REPLY,
        FOLLOW_ROOM,
        UNFOLLOW_ROOM,
        IGNORE,
        NONE,
        MUTE_ROOM,
        UNMUTE_ROOM,
        SEND_MESSAGE,
        UPDATE_CONTACT,
        CHOOSE_OPTION,
        UPDATE_ROLE,
        UPDATE_SETTINGS,
        GENERATE_IMAGE,
        FORGET_FACT,
        REMEMBER,
        *OF_SOURCES,
    ),
    providers=(
        CHARACTER,
        INSTRUCTIONS,
        ROOM,
        ANXIETY,
        SUMMARY,
        FACTS,
        RELEVANT_MESSAGES,
        CHOICE,
        TIME,
        WORLD,
        ROLES,
        SETTINGS,
        ENTITIES,
        RELATIONSHIPS,
        PROVIDERS,
        ATTACHMENTS,
        RECENT_MESSAGES,
        ACTION_STATE,
        ACTIONS,
        EVALUATORS,
        *OF_COMMANDS,
        *PASSAGES,
    ),
    commands=COMMANDS,
    evaluators=(REFLECTION,),
)
