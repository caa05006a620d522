"""The fake Slack's chats with an agent: questions to begin with, titles, sessions.

https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts , assistant.threads.setTitle
and agents.sessions.setStatus.
"""

from dataclasses import dataclass, field

from tests.fakes.slack_methods import SCOPES, Methods, Refused
from tests.fakes.slack_workspace import TEAM_ID, FakeChannel, FakeUser, Json

PROMPTS, TITLE = "assistant.threads.setSuggestedPrompts", "assistant.threads.setTitle"
SESSION = "agents.sessions.setStatus"
SCOPES.update({PROMPTS: ("assistant:write",), TITLE: ("assistant:write",), SESSION: ("chat:write",)})


@dataclass
class Session:
    """An agent's session in a thread."""

    title: str = ""
    statuses: list[str] = field(default_factory=list)


class Assistants:
    """The methods, and what they were told."""

    def __init__(self, methods: Methods) -> None:
        self._methods = methods
        self.is_agent = False
        """The app is declared as an agent: it has sessions."""
        self.prompts: dict[tuple[str, str], list[Json]] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.sessions: dict[tuple[str, str], Session] = {}
        methods.table |= {PROMPTS: self._prompts, TITLE: self._title, SESSION: self._session}

    def _place(self, args: Json) -> tuple[str, str]:
        channel = self._methods._channel(args, "channel_id")
        thread = str(args.get("thread_ts") or "")
        if thread and thread not in channel.messages:
            raise Refused("thread_not_found")
        return channel.id, thread

    def _prompts(self, args: Json) -> Json:
        prompts = args.get("prompts")
        if not isinstance(prompts, list) or not 0 < len(prompts) <= 4:
            raise Refused("invalid_arguments")
        if any(not (each.get("title") and each.get("message")) for each in prompts):
            raise Refused("invalid_arguments")
        self.prompts[self._place(args)] = prompts
        return {"ok": True}

    def _title(self, args: Json) -> Json:
        if not args.get("title"):
            raise Refused("invalid_arguments")
        self.titles[self._place(args)] = str(args["title"])
        return {"ok": True}

    def _session(self, args: Json) -> Json:
        if not self.is_agent:
            raise Refused("access_denied")
        if args.get("status") not in ("active", "processing", "suspended", "closed"):
            raise Refused("invalid_arguments")
        place = self._place(args)
        known = self.sessions.setdefault(place, Session(title=str(args.get("title") or "")))
        known.statuses.append(str(args["status"]))
        return {"ok": True, "agent_status": args["status"], "title": known.title}

    def thread(self, im: FakeChannel, user: FakeUser) -> Json:
        """The first message of a thread that Slack begins when somebody opens the chat."""
        text = "New chat"
        return self._methods.workspace.user_message(im, user, text, subtype="assistant_app_thread")


def started(im: FakeChannel, user: FakeUser, thread: str, *, looking_at: str = "") -> Json:
    """https://docs.slack.dev/reference/events/assistant_thread_started"""
    return _container("assistant_thread_started", im, user, thread, looking_at)


def moved_on(im: FakeChannel, user: FakeUser, thread: str, *, looking_at: str) -> Json:
    """https://docs.slack.dev/reference/events/assistant_thread_context_changed"""
    return _container("assistant_thread_context_changed", im, user, thread, looking_at)


def _container(kind: str, im: FakeChannel, user: FakeUser, thread: str, looking_at: str) -> Json:
    context = {"channel_id": looking_at, "team_id": TEAM_ID, "enterprise_id": None} if looking_at else {}
    told = {"user_id": user.id, "context": context, "channel_id": im.id, "thread_ts": thread}
    return {"type": kind, "assistant_thread": told}


def home_opened(im: FakeChannel, user: FakeUser, tab: str = "messages") -> Json:
    """https://docs.slack.dev/reference/events/app_home_opened"""
    return {"type": "app_home_opened", "user": user.id, "channel": im.id, "tab": tab}


def context_changed(user: FakeUser, *channels: str) -> Json:
    """https://docs.slack.dev/reference/events/app_context_changed"""
    entities = [{"type": "slack#/types/channel_id", "value": each, "team_id": TEAM_ID} for each in channels]
    return {
        "type": "app_context_changed",
        "user": user.id,
        "context": {"entities": entities} if entities else {},
    }


def stop_pressed(channel: FakeChannel, user: FakeUser, thread: str, *streams: str) -> Json:
    """https://docs.slack.dev/reference/events/agent_session_stopped"""
    return {
        "type": "agent_session_stopped",
        "channel": channel.id,
        "thread_ts": thread,
        "user": user.id,
        "streaming_message_ts": list(streams),
    }
