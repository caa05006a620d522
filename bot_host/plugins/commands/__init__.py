"""The commands that every agent has; the plugin `basics` brings them.

/ask, /reset, /why, /mute, /follow, /settings, /model, /whoami, /link, /unlink, /mydata, /forgetme. They work
as slash commands, in menus, and as text (`/reset`, `!reset`) in private rooms and in messages that turn to
the agent.
"""

from bot_host.plugins.commands.data import FORGETME, MYDATA
from bot_host.plugins.commands.person import LINK, UNLINK, WHOAMI
from bot_host.plugins.commands.rooms import FOLLOW, LANGUAGE, MUTE, RESET, SETTINGS
from bot_host.plugins.commands.telling import ASK, MODEL, WHY

COMMANDS = (ASK, RESET, WHY, MUTE, FOLLOW, SETTINGS, MODEL, WHOAMI, LINK, UNLINK, MYDATA, FORGETME)
PROVIDERS = (LANGUAGE,)

__all__ = ["COMMANDS", "PROVIDERS"]
