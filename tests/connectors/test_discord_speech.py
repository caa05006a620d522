"""What is said of an answer, and how sound becomes what Discord's voice takes. No network."""

import array
import io
import sys
import wave
from pathlib import Path

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.discord.voice.book import Seats
from connectors.discord.voice.needs import Tools, voice_lines
from connectors.discord.voice.sound import (
    MOST_BYTES,
    CannotPlay,
    OpusPackets,
    opus_packets,
    packet_ms,
    source_of,
    wav_pcm,
)
from connectors.discord.voice.words import SAID, spoken
from tests.fakes.ogg import FRAME, ogg_opus

NOTHING = Tools()
FRAME_BYTES = 3840
"""20 ms of 16-bit stereo at 48 kHz."""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello.", "Hello."),
        ("**Bold**, *slanted*, ~~gone~~ and `code`.", "Bold, slanted, gone and code."),
        ("# Title\nText", "Title. Text."),
        ("- one\n- two\n\n> quoted", "one. two. quoted."),
        ("1. first\n2. second", "1. first. 2. second."),
        ("Look:\n```py\nprint(1)\n```\nDone!", "Look: Done!"),
        ("```never closed", ""),
        ("See [the page](https://example.org/a_b) or <https://example.org>.", "See the page or."),
        ("https://example.org", ""),
        ("The killer is ||the gardener||, surely.", "The killer is …, surely."),
        ("<@123> and <@&4>, in <#56> <:wave:789> <a:dance:1> at <t:1700000000:R>", "and, in at."),
        ("Well done 🎉👩‍👩‍👧 ❤️!", "Well done!"),
        ("snake_case stays, 3 * 4 = 12, 5 < 6", "snake_case stays, 3 4 = 12, 5 < 6."),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a b. 1 2."),
        ("Один. Два!", "Один. Два!"),
        ("हिन्दी में", "हिन्दी में."),
        ("***\n---", ""),
        ("  \n ", ""),
    ],
)
def test_what_only_an_eye_can_read_is_not_said(text: str, said: str) -> None:
    assert spoken(text) == said


def test_long_answers_end_with_a_sentence() -> None:
    text = "This is a sentence. " * 200
    said = spoken(text)
    assert SAID - 20 < len(said) <= SAID
    assert said.endswith("sentence.")
    assert spoken("word " * 1000) == ("word " * 300).strip()[:SAID]
    assert len(spoken("x" * 5000)) == SAID


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=300))
def test_any_text_can_be_made_ready(text: str) -> None:
    said = spoken(text)
    assert len(said) <= SAID + 1
    assert "\n" not in said
    assert "```" not in said


@pytest.mark.parametrize(
    ("packet", "ms"),
    [
        (b"\xf8\xff\xfe", 20.0),  # Discord's own silence
        (b"\x78", 20.0),  # hybrid, full band
        (b"\x48", 20.0),  # SILK, wide band
        (b"\x58", 60.0),
        (b"\xe0", 2.5),
        (b"\xf1", 20.0),  # two frames of 10 ms
        (b"\xfb\x03", 60.0),  # three of 20 ms
        (b"\xfb", 0.0),
    ],
)
def test_how_long_a_packet_sounds(packet: bytes, ms: float) -> None:
    assert packet_ms(packet) == ms


def read_all(source: discord.AudioSource) -> list[bytes]:
    return list(iter(source.read, b""))


def test_opus_in_ogg_is_played_as_it_is() -> None:
    packets = [bytes([FRAME]) + bytes([number]) * size for number, size in enumerate((1, 100, 254, 255, 700))]
    source = source_of(ogg_opus(packets), NOTHING)
    assert isinstance(source, OpusPackets)
    assert source.is_opus()
    assert read_all(source) == packets


def test_two_files_in_one_are_played_one_after_the_other() -> None:
    one, two = ogg_opus([b"\xf8a"]), ogg_opus([b"\xf8b"])
    assert opus_packets(one + two) == [b"\xf8a", b"\xf8b"]


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (ogg_opus([b"\x58long"]), "Opus packets of another length than 20 ms"),
        (b"ID3\x04mp3", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"Sorry, no voice.", "text/plain"),
        (b"OggS\0\0", "damaged Ogg"),
        (b"\0" * (MOST_BYTES + 1), "are played at most"),
    ],
)
def test_what_cannot_be_played_is_named(sound: bytes, why: str) -> None:
    with pytest.raises(CannotPlay, match=why):
        source_of(sound, NOTHING)


def test_text_is_never_given_to_ffmpeg() -> None:
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    with pytest.raises(CannotPlay, match="text/plain"):
        source_of(playlist, Tools(ffmpeg="/nowhere/ffmpeg"))


def test_an_ffmpeg_that_does_not_start_is_a_fault_of_one_answer() -> None:
    with pytest.raises(discord.ClientException, match="was not found"):
        source_of(b"ID3\x04mp3", Tools(ffmpeg="/nowhere/ffmpeg"))


def program(folder: Path, code: str) -> str:
    """A stand-in for ffmpeg."""
    path = folder / "ffmpeg"
    path.write_text(f"#!{sys.executable}\nimport sys\n{code}\n")
    path.chmod(0o755)
    return str(path)


def test_other_sound_goes_through_ffmpeg(tmp_path: Path) -> None:
    made = ogg_opus([b"\xf8one", b"\xf8two"])
    code = f"""
assert sys.stdin.buffer.read() == b"ID3\\x04mp3"
at = sys.argv.index("-i")
assert sys.argv[1 : at + 2] == ["-protocol_whitelist", "pipe,fd", "-i", "-"], sys.argv
assert sys.argv[sys.argv.index("-f") + 1] == "opus" and sys.argv[-1] == "pipe:1", sys.argv
sys.stdout.buffer.write({made!r})
"""
    source = source_of(b"ID3\x04mp3", Tools(ffmpeg=program(tmp_path, code)))
    assert source.is_opus()
    assert read_all(source) == [b"\xf8one", b"\xf8two"]
    source.cleanup()


def wav(samples: list[int], *, channels: int = 1, rate: int = 24_000, width: int = 2) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as made:
        made.setnchannels(channels)
        made.setsampwidth(width)
        made.setframerate(rate)
        made.writeframes(array.array("h", samples).tobytes() if width == 2 else bytes(len(samples)))
    return file.getvalue()


def test_wav_is_brought_to_48_khz_stereo() -> None:
    pcm = wav_pcm(wav([0, 100, 200]))
    assert pcm is not None
    assert len(pcm) == FRAME_BYTES
    assert list(array.array("h", pcm))[:14] == [0, 0, 50, 50, 100, 100, 150, 150, 200, 200, 200, 200, 0, 0]
    stereo = wav_pcm(wav([1, -1, 2, -2], channels=2, rate=48_000))
    assert stereo is not None
    assert list(array.array("h", stereo))[:4] == [1, -1, 2, -2]


def test_wav_is_played_where_libopus_is() -> None:
    sound = wav([7] * 24_000)
    source = source_of(sound, Tools(libopus=True))
    assert not source.is_opus()
    assert [len(frame) for frame in read_all(source)] == [FRAME_BYTES] * 50
    with pytest.raises(CannotPlay, match="audio/wav"):
        source_of(sound, NOTHING)


@pytest.mark.parametrize(
    "sound", [wav([0] * 10, rate=44_100), wav([0] * 10, width=1), b"RIFF\x04\0\0\0WAVE", b"RIFF"]
)
def test_other_wav_needs_a_real_converter(sound: bytes) -> None:
    assert wav_pcm(sound) is None


def test_a_wav_whose_header_promises_more_than_there_is() -> None:
    # As it is streamed: the length was not known when the header was written.
    sound = bytearray(wav([5] * 480))
    sound[4:8] = sound[40:44] = b"\xff\xff\xff\xff"
    pcm = wav_pcm(bytes(sound))
    assert pcm is not None
    assert len(pcm) == FRAME_BYTES


@given(st.binary(max_size=200), st.sampled_from([b"", b"OggS", b"RIFF\0\0\0\0WAVE", b"ID3"]))
def test_no_bytes_break_it(data: bytes, start: bytes) -> None:
    try:
        source_of(start + data, Tools(libopus=True))
    except CannotPlay:
        pass


def test_who_sits_where() -> None:
    seats = Seats()
    seats.learn("READY", {"user": {"id": "9"}})
    member = {"user": {"id": "5", "bot": True}}
    states = [{"user_id": user, "channel_id": "20"} for user in ("1", "2", "5", "9")]
    seats.learn("GUILD_CREATE", {"id": "7", "members": [member], "voice_states": states})
    assert seats.people("7", "20") == {"1", "2"}
    seats.learn("VOICE_STATE_UPDATE", {"guild_id": "7", "user_id": "1", "channel_id": "21"})
    seats.learn("VOICE_STATE_UPDATE", {"guild_id": "7", "user_id": "2", "channel_id": None})
    bot = {"guild_id": "7", "user_id": "6", "channel_id": "21", "member": {"user": {"bot": True}}}
    seats.learn("VOICE_STATE_UPDATE", bot)
    assert seats.seat("1") == ("7", "21")
    assert seats.seat("2") is None
    assert (seats.people("7", "20"), seats.people("7", "21")) == (set(), {"1"})
    seats.learn("GUILD_CREATE", {"id": "7", "members": [], "voice_states": states[:1]})
    assert seats.seat("1") == ("7", "20")
    seats.learn("GUILD_DELETE", {"id": "7"})
    assert seats.seat("1") is None


@pytest.mark.parametrize(
    ("tools", "plays", "advice"),
    [
        (Tools(ffmpeg="/usr/bin/ffmpeg"), "any sound", False),
        (Tools(libopus=True), "Opus in Ogg and WAV", True),
        (NOTHING, "Opus in Ogg only", True),
    ],
)
def test_check_says_what_can_be_played(tools: Tools, plays: str, advice: bool) -> None:
    voice, listening = voice_lines(tools)
    assert plays in voice.detail
    assert bool(voice.advice) == advice
    assert "end-to-end encryption" in listening.detail
