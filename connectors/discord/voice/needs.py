"""What speaking in voice channels needs to be installed."""

import asyncio
import shutil
from dataclasses import dataclass
from typing import Final

import discord
import discord.opus
from discord.voice_client import has_nacl
from discord.voice_state import has_dave

from bot_host.connector import CheckLine

INSTALL: Final = 'pip install -e ".[voice]"'
LISTENS_NOT: Final = (
    "the agent speaks in voice channels and does not listen there: discord.py has no way to receive, and no "
    "maintained extension of it knows Discord's end-to-end encryption (looked at on 2026-11-23)"
)
CONVERT: Final = "install ffmpeg (Debian, Ubuntu: apt install ffmpeg), or use a speech model that sends Opus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What is there to turn sound into Opus."""

    ffmpeg: str = ""
    """The program; empty: there is none."""
    libopus: bool = False


def missing() -> str:
    """Why nothing can be said in voice channels; empty: it can."""
    lacking = [name for name, there in (("PyNaCl", has_nacl), ("davey", has_dave)) if not there]
    return f"{' and '.join(lacking)} missing; {INSTALL}" if lacking else ""


def find_tools() -> Tools:
    """Look for ffmpeg and libopus. May start a process or two: not on the loop."""
    try:
        discord.opus.Encoder.get_opus_version()
        libopus = True
    except discord.opus.OpusNotLoaded:
        libopus = False
    return Tools(ffmpeg=shutil.which("ffmpeg") or "", libopus=libopus)


async def check_voice() -> list[CheckLine]:
    """The lines of `check` about voice."""
    return voice_lines(await asyncio.to_thread(find_tools))


def voice_lines(tools: Tools) -> list[CheckLine]:
    """What these tools mean."""
    lacking = missing()
    if lacking:
        return [
            CheckLine(
                name="discord voice",
                ok=False,
                detail=f"voice = true, but {lacking.partition(';')[0]}; everything else works",
                advice=INSTALL,
            )
        ]
    if tools.ffmpeg:
        plays, advice = "any sound that ffmpeg reads", ""
    elif tools.libopus:
        plays, advice = "Opus in Ogg and WAV; ffmpeg for anything else is not there", CONVERT
    else:
        plays, advice = "Opus in Ogg only; ffmpeg and libopus for anything else are not there", CONVERT
    return [
        CheckLine(name="discord voice", ok=True, detail=f"can play {plays}", advice=advice),
        CheckLine(name="discord voice listening", ok=True, detail=LISTENS_NOT),
    ]
