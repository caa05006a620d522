"""One message with all that is known of it, as its page shows it: `why`, and the words themselves."""

from typing import Any, Final

from bot_host.app.reports import OUTBOX, ROW, Report
from bot_host.app.why import Ambiguous, Why
from bot_host.config.load import load_config
from bot_host.config.schema import Loaded
from bot_host.kit.clean import clean_text
from bot_host.kit.logs import SecretMask
from bot_host.runtime import AgentRuntime
from bot_host.types.errors import StateError
from bot_host.types.ids import UUID, is_uuid
from bot_host.types.ledger import Received, Story
from bot_host.types.memory import Memory
from bot_host.types.turn import InboxState, OutboxState, StepRow
from bot_host.web.chat.connector import PLATFORM
from bot_host.web.chat.shown import attached
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub
from bot_host.web.markdown import markdown_tree

LONGEST: Final = 50_000
"""Characters of one text."""
_UNSENT: Final = (OutboxState.PENDING, OutboxState.SENDING)
GONE: Final = "somebody whose words were in it, or one of the messages, is not there any more"
NOT_KEPT: Final = (
    "only the newest ones are kept, in memory, until the host ends and for a day at the most (web.prompts)"
)
OFF: Final = "none are kept: web.prompts is 0"
NO_MODEL: Final = "no model was asked"


class RunReports:
    """Tells about one message at a time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def tell(self, wanted: str) -> dict[str, Any]:
        """Of what `why` takes, the run first. Raises ApiError 404, 409 where several messages are meant."""
        wanted = clean_text(wanted).strip()
        report, story = await self._find(wanted)
        if story is None:
            key = report["message"]["event_key"]
            return self.hide({**report, "id": key, "kind": "skipped", "live": False})
        told = await self._whole(report, story)
        return self.hide(told)

    def hide(self, told: dict[str, Any]) -> dict[str, Any]:
        """An answer without the secrets that this process knows (invariant I5)."""
        loaded = self._hub.loaded
        given = [value for agent in self._hub.host.get_agents() for value in agent.character.secrets.values()]
        mask = SecretMask()
        mask.add(self._hub.config.token, *(loaded.secrets if loaded is not None else ()), *map(str, given))
        hidden: dict[str, Any] = _hide(told, mask)
        return hidden

    async def _find(self, wanted: str) -> tuple[Report, Story | None]:
        store = self._hub.host.store
        if is_uuid(wanted):
            row = await store.row_of_run(wanted.lower())
            live = self._open_run(wanted.lower())
            wanted = f"{ROW}{row}" if row is not None else live or wanted
        why = Why(self._hub.loaded or _nothing_loaded(), store)
        try:
            return await why.tell_whole(wanted)
        except Ambiguous as error:
            raise ApiError(409, "; ".join([str(error), *error.found])) from error
        except StateError as error:
            raise ApiError(404, str(error)) from error

    def _open_run(self, run_id: UUID) -> UUID | None:
        """The message that a run under way answers."""
        found = (agent.traces.open_run(run_id) for agent in self._hub.host.get_agents())
        return next((trace.message_ids[-1] for trace in found if trace and trace.message_ids), None)

    async def _whole(self, report: Report, story: Story) -> dict[str, Any]:
        told = {**report, "replies": [*map(_said, story.replies)]}
        row = story.received
        if story.memory is not None:
            told["message"] = {**report["message"], **_words(story.memory)}
        told["live"] = any(part.state in _UNSENT for part in story.parts)
        if row is None:
            part = story.parts[0]
            told |= {"id": f"{OUTBOX}{part.seq}", "kind": "unasked", "agent_id": part.agent_id}
            return told
        told["message"]["sender_id"] = row.entity_id
        told |= {"kind": "message", "agent_id": row.agent_id}
        told["actions"] = [
            {**short, **_deed(step)} for short, step in zip(report["actions"], story.steps, strict=True)
        ]
        told["chat"] = _chat(row, story)
        told["prompts"] = await self._prompts(row, story)
        if row.state is not InboxState.DONE:
            told["live"] = True
            told |= self._under_way(row)
        # A run leads to the newest message that it ended; and one under way may begin anew as another.
        lone = story.run is not None and max(story.together, default=0) < row.seq
        told["id"] = told["run"]["id"] if lone and told["run"] else f"{ROW}{row.seq}"
        return told

    def _agent(self, agent_id: UUID) -> AgentRuntime | None:
        return next((each for each in self._hub.host.get_agents() if each.agent_id == agent_id), None)

    def _under_way(self, row: Received) -> dict[str, Any]:
        agent = self._agent(row.agent_id)
        trace = agent.traces.under_way(row.memory_id) if agent is not None and row.memory_id else None
        if trace is None:
            return {}
        run = trace.run.record("running")
        calls = [dict(call) for call in run.model_calls]
        return {
            "reason": "its turn is under way",
            "run": {
                "id": run.id,
                "status": run.status,
                "error": "",
                "started_at": run.started_at.isoformat(),
                "waited_ms": round((run.started_at - row.received_at).total_seconds() * 1000, 1),
                "took_ms": trace.run.elapsed_ms(),
                "together": [],
            },
            "steps": [dict(step) for step in run.steps],
            "model_calls": calls,
            "prompts": {"kept": True, **trace.told()},
        }

    async def _prompts(self, row: Received, story: Story) -> dict[str, Any]:
        """The prompts of its run, as long as all those are there whose words may be in them."""
        agent = self._agent(row.agent_id)
        if agent is None or story.run is None:
            return {"kept": False, "why": NO_MODEL if row.state is InboxState.DONE else ""}
        traces, run_id = agent.traces, story.run.id
        trace = traces.find(run_id)
        if trace is None:
            if not any(str(call.get("type", "")).startswith("TEXT") for call in story.run.model_calls):
                return {"kept": False, "why": NO_MODEL}
            return {"kept": False, "why": NOT_KEPT if traces.keep else OFF}
        store = self._hub.host.store
        people = await store.get_entities(list(trace.sources))
        said = await store.get_memories_by_ids(list(trace.sources - people.keys()))
        if len(people) + len({each.id for each in said}) < len(trace.sources):
            traces.forget(run_id)
            return {"kept": False, "why": GONE}
        return {"kept": True, **trace.told()}


def _nothing_loaded() -> Loaded:
    """For a host that code made: nothing was set."""
    return load_config(None, environ={}, connector_models={}, plugin_models={})


def _words(memory: Memory) -> dict[str, Any]:
    return {
        "full_text": memory.content.text[:LONGEST],
        "attachments": [attached(media) for media in memory.content.attachments],
    }


def _said(memory: Memory) -> dict[str, Any]:
    return {
        "memory_id": memory.id,
        "text": memory.content.text[:LONGEST],
        "tree": markdown_tree(memory.content.text[:LONGEST]),
        "actions": memory.content.actions,
        "attachments": [attached(media) for media in memory.content.attachments],
        "at": memory.created_at.isoformat(),
        "edits": memory.revision,
    }


def _deed(step: StepRow) -> dict[str, Any]:
    return {
        "arguments": step.arguments[:LONGEST],
        "result": str(step.result.get("text") or "")[:LONGEST],
        "error": str(step.result.get("error") or "")[:LONGEST],
        "said": step.text[:LONGEST],
        "at": step.created_at.isoformat(),
    }


def _chat(row: Received, story: Story) -> dict[str, str] | None:
    """Where in the console's chat it was said."""
    if story.room is None or not row.account.startswith(f"{PLATFORM}:"):
        return None
    return {"agent": row.agent_name, "conversation": story.room.channel_id}


def _hide(value: Any, mask: SecretMask) -> Any:
    if isinstance(value, str):
        return mask.hide(value)
    if isinstance(value, dict):
        return {key: _hide(each, mask) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(each, mask) for each in value]
    return value
