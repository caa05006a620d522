"""A bare bot on python-telegram-bot."""

import os
from typing import Any

from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

from benchmarks.bare.model import answer


async def on_message(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Somebody has written."""
    if update.message and update.message.text:
        await update.message.reply_text(await answer(update.message.text))


async def started(_application: Any) -> None:
    """Logged in."""
    print("ready", flush=True)


application = (
    Application.builder()
    .token(os.environ["TOKEN"])
    .base_url(f"{os.environ['API_BASE']}/bot")
    .post_init(started)
    .build()
)
application.add_handler(MessageHandler(filters.TEXT, on_message))
application.run_polling()
