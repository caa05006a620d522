"""A message as requests of Discord's REST API. Pure.

Discord reads Markdown itself; only tables it does not know, and its length counts: 2,000 characters,
by code points (https://github.com/discord/discord-api-docs/issues/1315: the API is Python).
"""

import hashlib
import re
from typing import Any, Final

from bot_host.connector import Content, Payload, Target, clean_text, split_markdown
from connectors.discord.polls import poll_body

MAX_CHARACTERS: Final = 2000
MAX_NONCE: Final = 25
MAX_FILES: Final = 10
MAX_TABLE_WIDTH: Final = 120
MAX_PREVIEWS: Final = 2
"""Links in one message beyond which none gets a preview: they would bury the text."""
SUPPRESS_EMBEDS: Final = 1 << 2
MAX_EMBEDS: Final = 10
MAX_FIELDS: Final = 25
MAX_EMBED_CHARACTERS: Final = 6000

# No text that went through a model may ping anybody (invariant I6); `replied_user` is the ping of a reply.
NO_PINGS: Final[dict[str, Any]] = {"parse": [], "replied_user": False}

_LINK: Final = re.compile(r"(?<!<)\bhttps?://", re.ASCII)
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_TABLE_RULE: Final = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")


def encode_message(content: Content, target: Target, *, ping_reply: bool = False) -> list[Payload]:
    """`content` as bodies of `POST /channels/{id}/messages`, in order; the first one replies.

    `content.embeds`, an extra key, are Discord's embed objects; they go with the end of the text, as do
    `files`, which is none of Discord's words and names what goes along as multipart.
    """
    if (poll := poll_body(content)) is not None:
        # The text only says the same, for those who cannot see it.
        return [{"poll": poll, "allowed_mentions": dict(NO_PINGS)}]
    text = clean_text(content.text).strip()
    files = [told for media in content.attachments if (told := media.as_file()) is not None]
    links = [
        media.url
        for media in content.attachments
        if not media.file and media.url.startswith(("http://", "https://"))
    ]
    whole = "\n".join(part for part in (fence_tables(text), *links) if part)
    pieces = (
        [piece for piece in split_markdown(whole, limit=MAX_CHARACTERS) if piece.strip()] if whole else []
    )
    payloads: list[Payload] = [{"content": piece, "allowed_mentions": dict(NO_PINGS)} for piece in pieces]
    for payload in payloads:
        if len(_LINK.findall(str(payload["content"]))) > MAX_PREVIEWS:
            payload["flags"] = SUPPRESS_EMBEDS
    embeds = fit_embeds((content.model_extra or {}).get("embeds"))
    if embeds:
        if not payloads:
            payloads.append({"content": "", "allowed_mentions": dict(NO_PINGS)})
        payloads[-1].pop("flags", None)
        payloads[-1]["embeds"] = embeds
    for first in range(0, len(files), MAX_FILES):
        if first or not payloads:
            payloads.append({"content": "", "allowed_mentions": dict(NO_PINGS)})
        payloads[-1]["files"] = files[first : first + MAX_FILES]
    if payloads and target.reply_to:
        payloads[0]["message_reference"] = {"message_id": target.reply_to, "fail_if_not_exists": False}
        payloads[0]["allowed_mentions"]["replied_user"] = ping_reply
    return payloads


def fit_embeds(asked: object) -> list[dict[str, Any]]:
    """Embeds within Discord's limits (resources/message#embed-object-embed-limits); others are left out."""
    found: list[dict[str, Any]] = []
    left = MAX_EMBED_CHARACTERS
    for each in asked if isinstance(asked, list) else ():
        if not isinstance(each, dict) or len(found) == MAX_EMBEDS:
            continue
        embed = dict(each)
        for name, limit in (("title", 256), ("description", 4096)):
            if name in embed:
                embed[name] = clean_text(str(embed[name]))[: min(limit, left)]
                left -= len(embed[name])
        fields: list[dict[str, Any]] = []
        for one in embed.get("fields") or ():
            if len(fields) == MAX_FIELDS or left <= 0 or not isinstance(one, dict):
                break
            name = clean_text(str(one.get("name") or "-"))[: min(256, left)]
            value = clean_text(str(one.get("value") or "-"))[: min(1024, max(left - len(name), 0))]
            left -= len(name) + len(value)
            if name and value:
                fields.append({**one, "name": name, "value": value})
        if fields or "fields" in embed:
            embed["fields"] = fields
        found.append(embed)
    return found


def nonce_of(key: str) -> str:
    """The same short text for the same key, for Discord's duplicate check (25 characters at most)."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[: MAX_NONCE - 1]


def fence_tables(text: str) -> str:
    """`text` with each Markdown table inside a code fence, where its columns stay in line."""
    if "|" not in text:
        return text
    lines, out, fence = text.split("\n"), list[str](), ""
    at = 0
    while at < len(lines):
        line = lines[at]
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1][0] == fence[0] and len(mark[1]) >= len(fence))):
            fence = "" if fence else mark[1]
        if not fence and not mark and _starts_table(lines, at):
            end = at
            while end < len(lines) and "|" in lines[end]:
                end += 1
            out += ["```", *_align(lines[at:end]), "```"]
            at = end
            continue
        out.append(line)
        at += 1
    return "\n".join(out)


def _starts_table(lines: list[str], at: int) -> bool:
    if "|" not in lines[at] or at + 1 >= len(lines):
        return False
    rule = lines[at + 1]
    return "|" in rule and "-" in rule and bool(_TABLE_RULE.match(rule))


def _align(rows: list[str]) -> list[str]:
    cells = [
        [cell.strip().replace("```", "'''") for cell in row.strip().strip("|").split("|")] for row in rows
    ]
    columns = max(len(row) for row in cells)
    cells = [row + [""] * (columns - len(row)) for row in cells]
    widths = [max(len(row[i]) for n, row in enumerate(cells) if n != 1) for i in range(columns)]
    if sum(widths) > MAX_TABLE_WIDTH:
        # Padding would only blow it up: lines that long are wrapped anyway.
        widths = [3] * columns
    shown = []
    for n, row in enumerate(cells):
        padded = ["-" * widths[i] if n == 1 else row[i].ljust(widths[i]) for i in range(columns)]
        shown.append(" | ".join(padded).rstrip())
    return shown
