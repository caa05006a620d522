"""From the bytes of a speech model to what discord.py's player takes: 20 ms of Opus at a time."""

import array
import io
import sys
import wave
from collections.abc import Iterable
from typing import Final

import discord
from discord.oggparse import OggError, OggStream

from bot_host.connector import sniff
from connectors.discord.voice.needs import CONVERT, Tools

MOST_BYTES: Final = 25 * 1024 * 1024
FRAME_MS: Final = 20.0
"""What the player sends at a time, and stamps each packet with."""
RATE: Final = 48_000

_HEADERS: Final = (b"OpusHead", b"OpusTags")
# RFC 6716, section 3.1: the frame sizes of SILK, hybrid and CELT configurations.
_SILK: Final = (10.0, 20.0, 40.0, 60.0)
_HYBRID: Final = (10.0, 20.0)
_CELT: Final = (2.5, 5.0, 10.0, 20.0)
# A playlist in place of sound must not make ffmpeg open files or addresses.
_ONLY_PIPES: Final = "-protocol_whitelist pipe,fd"
# What it warns of would stand between the host's own lines.
_QUIET: Final = "-loglevel fatal"


class CannotPlay(Exception):
    """This sound cannot be played here. The message says why, and the way out."""


class OpusPackets(discord.AudioSource):
    """Sound that is in Opus already."""

    def __init__(self, packets: Iterable[bytes]) -> None:
        self._packets = iter(packets)

    def read(self) -> bytes:
        """The next packet; empty at the end."""
        return next(self._packets, b"")

    def is_opus(self) -> bool:
        """Yes."""
        return True


class Converted(discord.FFmpegOpusAudio):
    """Sound that ffmpeg turns into Opus, without the file's headers: discord.py sends those, too."""

    def read(self) -> bytes:
        """The next packet; empty at the end."""
        while (packet := super().read()).startswith(_HEADERS):
            pass
        return packet

    def cleanup(self) -> None:
        """End ffmpeg, wait for it, and close its pipes, which discord.py leaves open."""
        process = getattr(self, "_process", None)
        super().cleanup()
        if not process:
            return
        process.wait()
        for pipe in (process.stdout, process.stdin):
            try:
                if pipe is not None:
                    pipe.close()
            except OSError:
                pass  # What was not yet read by it.


def source_of(data: bytes, tools: Tools) -> discord.AudioSource:
    """Sound as a source for the player. May start ffmpeg: not on the loop. Raises CannotPlay."""
    if len(data) > MOST_BYTES:
        raise CannotPlay(f"the speech model sent {len(data)} bytes of sound; {MOST_BYTES} are played at most")
    kind = sniff(data)
    packets = opus_packets(data)
    if packets and all(packet_ms(each) == FRAME_MS for each in packets):
        return OpusPackets(packets)
    if kind == "audio/wav" and tools.libopus:
        pcm = wav_pcm(data)
        if pcm is not None:
            return discord.PCMAudio(io.BytesIO(pcm))
    if tools.ffmpeg and kind.startswith(("audio/", "video/", "application/ogg")):
        return Converted(
            io.BytesIO(data), executable=tools.ffmpeg, pipe=True, before_options=_ONLY_PIPES, options=_QUIET
        )
    found = "Opus packets of another length than 20 ms" if packets else kind
    raise CannotPlay(f"the speech model sent {found}, which cannot be played as it is; {CONVERT}")


def opus_packets(data: bytes) -> list[bytes]:
    """The packets of Opus in Ogg (RFC 7845); empty: it is something else."""
    if not data.startswith(b"OggS"):
        return []
    try:
        packets = list(OggStream(io.BytesIO(data)).iter_packets())
    except OggError:
        raise CannotPlay("the speech model sent a damaged Ogg stream") from None
    if not packets or not packets[0].startswith(_HEADERS[0]):
        return []
    return [each for each in packets if each and not each.startswith(_HEADERS)]


def packet_ms(packet: bytes) -> float:
    """How long an Opus packet sounds, by its table of contents (RFC 6716, 3.1); 0: it is none."""
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        size = _SILK[configuration % 4]
    elif configuration < 16:
        size = _HYBRID[configuration % 2]
    else:
        size = _CELT[configuration % 4]
    if code == 3:
        return size * (packet[1] & 63) if len(packet) > 1 else 0.0
    return size * (1, 2, 2)[code]


def wav_pcm(data: bytes) -> bytes | None:
    """16-bit WAV as 48 kHz stereo; None: it is of a kind that needs a real converter."""
    try:
        with wave.open(io.BytesIO(data)) as found:
            channels, width, rate = found.getnchannels(), found.getsampwidth(), found.getframerate()
            raw = found.readframes(found.getnframes())
    except (wave.Error, EOFError):
        return None
    if width != 2 or channels not in (1, 2) or rate <= 0 or RATE % rate:
        return None
    samples = array.array("h", raw[: len(raw) // (2 * channels) * 2 * channels])
    if sys.byteorder == "big":
        samples.byteswap()
    left = _at_48_khz(samples[::channels], RATE // rate)
    right = left if channels == 1 else _at_48_khz(samples[1::2], RATE // rate)
    both = array.array("h", bytes(4 * len(left)))
    both[0::2], both[1::2] = left, right
    if sys.byteorder == "big":
        both.byteswap()
    # The player drops a last frame that is not whole.
    return both.tobytes() + bytes(-len(both) * 2 % 3840)


def _at_48_khz(samples: "array.array[int]", times: int) -> "array.array[int]":
    """`times` as many samples, on straight lines between those that are there."""
    if times == 1 or not samples:
        return samples
    following = samples[1:] + samples[-1:]
    wide = array.array("h", bytes(2 * times * len(samples)))
    for step in range(times):
        pairs = zip(samples, following, strict=True)
        wide[step::times] = array.array("h", [(a * (times - step) + b * step) // times for a, b in pairs])
    return wide
