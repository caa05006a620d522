"""A bare bot on slack-bolt."""

import asyncio
import os
from typing import Any

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks.bare.model import answer

app = AsyncApp(client=AsyncWebClient(token=os.environ["TOKEN"], base_url=os.environ["API_BASE"]))


@app.event("message")
async def on_message(event: dict[str, Any], say: AsyncSay) -> None:
    """Somebody has written."""
    if "bot_id" not in event:
        await say(await answer(event["text"]))


async def main() -> None:
    """Connect and stay."""
    handler = AsyncSocketModeHandler(app, os.environ["APP_TOKEN"])
    await handler.connect_async()
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
