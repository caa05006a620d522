"""A bare bot on discord.py."""

import os

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from benchmarks.bare.model import answer

Route.BASE = os.environ["API_BASE"]
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["GATEWAY_URL"])

intents = discord.Intents.default()
intents.message_content = True
client = discord.Client(intents=intents)


@client.event
async def on_ready() -> None:
    """Connected."""
    print("ready", flush=True)


@client.event
async def on_message(message: discord.Message) -> None:
    """Somebody has written."""
    if message.author != client.user:
        await message.channel.send(await answer(message.content))


client.run(os.environ["TOKEN"])
