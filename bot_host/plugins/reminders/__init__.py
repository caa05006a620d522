"""Reminders: people ask for them, and have only their own."""

from bot_host.plugin import Plugin
from bot_host.plugins.reminders.actions import CANCEL_REMINDER, CHANGE_REMINDER, LIST_REMINDERS, REMIND_ME

plugin = Plugin(
    name="reminders",
    description="Reminds people of what they ask, where they asked, once or again and again.",
    actions=(REMIND_ME, LIST_REMINDERS, CHANGE_REMINDER, CANCEL_REMINDER),
)
