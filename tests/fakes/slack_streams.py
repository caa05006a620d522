"""The fake Slack's messages that are being written.

https://docs.slack.dev/reference/methods/chat.startStream , chat.appendStream and chat.stopStream.
"""

from collections.abc import Callable
from typing import Any

from tests.fakes.slack_methods import MARKDOWN_LIMIT, SCOPES, Methods, Refused
from tests.fakes.slack_workspace import FakeChannel, Json

START, APPEND, STOP = "chat.startStream", "chat.appendStream", "chat.stopStream"
TALKING = ("chat.postMessage", "chat.update", START, APPEND, STOP)
"""Methods whose text people read."""
SCOPES.update(dict.fromkeys((START, APPEND, STOP), ("chat:write",)))


class Streams:
    """The methods, and what is open."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods
        self.open: dict[tuple[str, str], list[str]] = {}
        """What was written into each message that is not ended, by channel and time stamp."""
        self.begun = 0
        table = methods.table
        table |= {START: self._start, APPEND: self._append, STOP: self._stop}
        for method in ("chat.update", "chat.delete"):
            table[method] = self._refusing(table[method])

    def give_up(self) -> None:
        """Slack ends what has been open for too long."""
        self.open.clear()

    def _refusing(self, inner: Callable[[Json], Json]) -> Callable[[Json], Json]:
        def refusing(args: Json) -> Json:
            if (str(args.get("channel")), str(args.get("ts"))) in self.open:
                raise Refused("streaming_state_conflict")
            return inner(args)

        return refusing

    @staticmethod
    def _text(args: Json) -> str:
        text: Any = args.get("markdown_text") or ""
        if not isinstance(text, str) or len(text) > MARKDOWN_LIMIT:
            raise Refused("msg_too_long")
        return text

    def _start(self, args: Json) -> Json:
        channel = self._methods._writable(args)
        thread = str(args.get("thread_ts") or "")
        if thread not in channel.messages:
            raise Refused("invalid_thread_ts")
        if channel.kind != "im" and not args.get("recipient_user_id"):
            raise Refused("missing_recipient_user_id")
        if channel.kind != "im" and not args.get("recipient_team_id"):
            raise Refused("missing_recipient_team_id")
        text = self._text(args)
        message = self._methods.workspace.bot_message(channel, {"text": text, "thread_ts": thread})
        message["streaming_state"] = "in_progress"
        self.begun += 1
        self.open[channel.id, message["ts"]] = [text]
        self._methods.statuses.pop((channel.id, thread), None)
        self._methods._emit(message, channel)
        return {"ok": True, "channel": channel.id, "ts": message["ts"]}

    def _find(self, args: Json) -> tuple[FakeChannel, Json, list[str]]:
        channel = self._methods._channel(args)
        message = self._methods._own(channel, args, "message_not_owned_by_app")
        written = self.open.get((channel.id, message["ts"]))
        if written is None:
            raise Refused("message_not_in_streaming_state")
        return channel, message, written

    def _append(self, args: Json) -> Json:
        channel, message, written = self._find(args)
        text = self._text(args)
        if not text:
            raise Refused("no_text")
        written.append(text)
        message["text"] = "".join(written)
        return {"ok": True, "channel": channel.id, "ts": message["ts"]}

    def _stop(self, args: Json) -> Json:
        channel, message, written = self._find(args)
        message["text"] = "".join([*written, self._text(args)])
        message["streaming_state"] = "completed"
        del self.open[channel.id, message["ts"]]
        return {"ok": True, "channel": channel.id, "ts": message["ts"], "message": message}
