"""The default behaviour: who the agent is, where it is, how to hold itself in a room."""

from bot_host.plugin import Plugin
from bot_host.plugins.basics.actions import IGNORE, MUTE_ROOM, UNMUTE_ROOM
from bot_host.plugins.basics.providers import CHARACTER, ROOM, TIME

plugin = Plugin(
    name="basics",
    description="Character, room and time in the prompt; staying silent, muting and unmuting a room.",
    actions=(IGNORE, MUTE_ROOM, UNMUTE_ROOM),
    providers=(CHARACTER, ROOM, TIME),
)
