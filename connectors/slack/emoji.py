"""Emoji by the names that Slack has for them. https://docs.slack.dev/reference/methods/reactions.add"""

import re
from typing import Final

_NAME: Final = re.compile(r"[a-z0-9_+'-]{1,100}(?:::skin-tone-[2-6])?")
_SIGNS: Final = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")
"""Signs that choose a picture or a tone."""
NAMES: Final = {
    "👍": "+1", "👎": "-1", "👌": "ok_hand", "👏": "clap", "🙏": "pray", "👋": "wave", "💪": "muscle",
    "🙌": "raised_hands", "🤝": "handshake", "✋": "hand", "👀": "eyes", "❤": "heart", "💔": "broken_heart",
    "🔥": "fire", "🎉": "tada", "✨": "sparkles", "⭐": "star", "🌟": "star2", "💯": "100", "🚀": "rocket",
    "✅": "white_check_mark", "✔": "heavy_check_mark", "❌": "x", "⚠": "warning", "❓": "question",
    "❗": "exclamation", "➕": "heavy_plus_sign", "➖": "heavy_minus_sign", "🛑": "octagonal_sign",
    "😀": "grinning", "😃": "smiley", "😄": "smile", "😁": "grin", "😂": "joy",
    "😊": "blush", "🙂": "slightly_smiling_face", "😉": "wink", "😍": "heart_eyes", "🤩": "star-struck",
    "😎": "sunglasses", "🤔": "thinking_face", "😮": "open_mouth", "😱": "scream", "😢": "cry", "😭": "sob",
    "😞": "disappointed", "😕": "confused", "😡": "rage", "🤷": "shrug", "🤖": "robot_face",
    "🐛": "bug", "🌹": "rose", "☕": "coffee", "🍕": "pizza", "🎂": "birthday", "🏆": "trophy", "💡": "bulb",
    "📌": "pushpin", "📝": "memo", "📅": "date", "⏰": "alarm_clock", "⏳": "hourglass_flowing_sand",
}  # fmt: skip


def name_of(emoji: str) -> str:
    """Slack's name of an emoji, given as itself or by name; empty: not known."""
    plain = emoji.strip().strip(":").lower()
    return NAMES.get(_SIGNS.sub("", plain), plain if _NAME.fullmatch(plain) else "")
