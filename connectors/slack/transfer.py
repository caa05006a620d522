"""Files: read with the bot's token, sent by the external upload flow.

https://docs.slack.dev/messaging/working-with-files
"""

import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot_host.connector import (
    FetchFailed,
    FetchRefused,
    Media,
    OutgoingFiles,
    Payload,
    SafeFetcher,
    SendError,
    SendLater,
    Sent,
    Target,
    clean_text,
)
from connectors.slack.config import SlackConfig
from connectors.slack.errors import code_of, fault_of, is_passing, send_error
from connectors.slack.mrkdwn import escape

log = logging.getLogger(__name__)

GONE: Final = frozenset({"file_not_found", "file_deleted"})
HTML: Final = "text/html"
UPLOAD_TIMEOUT: Final = aiohttp.ClientTimeout(total=50.0, connect=10.0)
FAULTS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)
LOGIN_PAGE: Final = (
    "Slack shows its login page in place of it: give the app the scope files:read and install it again"
)

Json = dict[str, Any]


class Transfer:
    """The files of one workspace."""

    def __init__(self, config: SlackConfig, web: Callable[[], AsyncWebClient]) -> None:
        self._web = web
        base = urlsplit(config.base_url)
        self._hosts = frozenset(filter(None, ("slack.com", "slack-files.com", base.hostname)))
        # A server of one's own may be anywhere, Slack itself is on the public internet.
        self._fetcher = SafeFetcher(allow_hosts=[base.netloc] if config.api_base else ())
        self.outgoing: OutgoingFiles | None = None

    # in

    async def download(self, media: Media, *, max_bytes: int) -> bytes:
        """Raises FetchRefused, FetchFailed."""
        url = media.url or await self._address(media)
        if not self._is_slacks(url):
            # Of Google Drive, Dropbox and their like Slack has only the address: our token is not for them.
            raise FetchRefused("it does not lie at Slack, but elsewhere")
        bearer = {"Authorization": f"Bearer {self._web().token}"}
        found = await self._fetcher.fetch(url, headers=bearer, max_bytes=max_bytes)
        looks_html = found.content_type == HTML or found.real_type == HTML
        if looks_html and (media.mime_type != HTML or found.url != url):
            raise FetchRefused(LOGIN_PAGE)
        return found.body

    async def _address(self, media: Media) -> str:
        """Of files of other organisations Slack tells it only when asked."""
        try:
            answer = await self._web().files_info(file=media.id)
        except SlackApiError as error:
            kind = FetchFailed if is_passing(error) else FetchRefused
            raise kind(f"Slack does not say where it is: {code_of(error)}") from error
        except FAULTS as error:
            raise FetchFailed(f"Slack does not say where it is: {fault_of(error)}") from error
        file = answer.get("file")
        return str(file.get("url_private") or "") if isinstance(file, dict) else ""

    def _is_slacks(self, url: str) -> bool:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            return False
        return any(host == known or host.endswith(f".{known}") for known in self._hosts)

    # out

    async def send(self, payload: Payload, target: Target) -> Sent | list[Json]:
        """Send the files of a payload as one message; where none can be, what they were.

        Raises SendError. Nothing is seen of it before the last call.
        """
        uploaded: list[Json] = []
        unsent: list[Json] = []
        for told in payload["files"]:
            file_id = await self._upload(told)
            if file_id:
                uploaded.append({"id": file_id, "title": str(told.get("title") or told["name"])})
            else:
                unsent.append(told)
        if not uploaded:
            return unsent
        try:
            answer = await self._web().files_completeUploadExternal(
                files=uploaded,
                channel_id=target.channel_id,
                thread_ts=target.thread_id or None,
                initial_comment=escape(notes(unsent)) or None,
            )
        except FAULTS as error:
            raise send_error(error) from None
        ts = next(_times(answer.get("files"), target.channel_id), "")
        # The message is made some moments later: often only the files have ids by now.
        return Sent(platform_message_id=ts or ",".join(str(each["id"]) for each in uploaded))

    async def _upload(self, told: Json) -> str:
        """A file's id at Slack; empty: it cannot be sent. Raises SendLater."""
        data = await self.outgoing.read(str(told["file"])) if self.outgoing is not None else None
        if not data:
            log.warning("slack: the file %s is gone", told["name"])
            return ""
        try:
            web = self._web()
            place = await web.files_getUploadURLExternal(filename=told["name"], length=len(data))
            session = web.session
            assert session is not None
            async with session.post(
                str(place["upload_url"]), data=io.BytesIO(data), timeout=UPLOAD_TIMEOUT, proxy=web.proxy
            ) as response:
                if response.status >= 500 or response.status == 429:
                    raise SendLater(f"Slack does not take the file now: HTTP {response.status}")
                if response.status != 200:
                    log.warning("slack: the file %s is refused: HTTP %d", told["name"], response.status)
                    return ""
            return str(place["file_id"])
        except SendError:
            raise
        except SlackApiError as error:
            if is_passing(error):
                found = send_error(error)
                raise found if isinstance(found, SendLater) else SendLater(str(found)) from None
            log.warning("slack: the file %s is refused: %s", told["name"], code_of(error))
            return ""
        except FAULTS as error:
            # Nothing of it is seen yet.
            found = send_error(error)
            account = isinstance(found, SendLater) and found.account
            raise SendLater(f"the file was not sent: {fault_of(error)}", account=account) from None

    async def retract(self, file_ids: str) -> None:
        """Delete files that were sent. Raises SendError."""
        for file_id in file_ids.split(","):
            try:
                await self._web().files_delete(file=file_id)
            except FAULTS as error:
                if not (isinstance(error, SlackApiError) and code_of(error) in GONE):
                    raise send_error(error) from None


def is_file_id(platform_message_id: str) -> bool:
    """Whether a message is known by its files; others by their time stamp."""
    return platform_message_id.startswith("F")


def notes(unsent: Iterable[Json]) -> str:
    """What could not be sent, as addresses or names: plain text, one in a line."""
    lines = (str(told.get("url") or f"[{told['name']}: could not be sent]") for told in unsent)
    return clean_text("\n".join(lines))


def _times(files: Any, channel: str) -> Iterator[str]:
    for file in files if isinstance(files, list) else ():
        shares = file.get("shares") if isinstance(file, dict) else None
        for kind in shares.values() if isinstance(shares, dict) else ():
            for share in kind.get(channel, ()) if isinstance(kind, dict) else ():
                if isinstance(share, dict) and isinstance(share.get("ts"), str):
                    yield share["ts"]


def same_files(message: Json, files: Sequence[Json]) -> bool:
    """Whether a message has just these files, or as many of them as could be sent, by name."""
    names = [str(file.get("name")) for file in message.get("files") or () if isinstance(file, dict)]
    wanted = [str(told["name"]) for told in files]
    return bool(names) and all(name in wanted for name in names) and len(names) <= len(wanted)
