"""Conversations with the real host on the fake platforms, as pages: `python -m tests.transcripts [PLATFORM]`.

It writes docs/connectors/{platform}-transcripts.md. A test makes the pages again and compares. For one more
platform: a module with its stage and scenes like those here, and its `SCRIPT` below.
"""

from tests.transcripts import discord, slack, telegram

SCRIPTS = {script.platform: script for script in (discord.SCRIPT, telegram.SCRIPT, slack.SCRIPT)}
