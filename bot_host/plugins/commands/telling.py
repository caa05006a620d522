"""What the agent tells of itself: /ask, /why, /model."""

from collections.abc import Mapping
from typing import Final

from bot_host.plugin import (
    Agent,
    Audience,
    Command,
    CommandCall,
    InboxState,
    ModelType,
    Option,
    Outcome,
    Received,
    Role,
    Story,
    one_line,
)
from bot_host.plugins.commands.words import described

RUNS: Final = 20
"""The room's newest turns, in which the model is looked for."""
NOTHING: Final = "Commands aside, I know of no message of yours here before this one."
UNKNOWN: Final = "I know of no such message here."
REASONS: Final[Mapping[str, str]] = {
    "direct message": "in a private chat I answer everything",
    "mention": "it mentioned me",
    "reply to the agent": "it replied to me",
    "thread that the agent takes part in": "I take part in this thread",
    "always answered here": "here I answer everything",
    "the model chose to answer": "it seemed to be meant for me",
    "not addressed": "among several people I answer only when I am mentioned or replied to",
    "muted": "I was asked to be quiet here; mention me, or use /mute off",
    "asked to be quiet": "it asked me to be quiet",
    "off until the room is followed": "I am silent in rooms that I do not follow; use /follow",
    "the model chose silence": "it seemed to be meant for others",
    "empty message": "there was nothing in it that I can read",
    "deleted": "it was deleted before I came to it",
    "newer message": "a newer message took its place",
    "stop_word": "I was told to stop",
    "stopped": "I was told to stop",
    "too old": "it came while I was away, too long ago",
    "over_limit: messages_per_minute.entity": "you were quicker than I may answer",
    "over_limit: messages_per_minute.room": "this room was quicker than I may answer",
    "over_limit: tokens_per_day": "I have said all that I may say in a day",
    "over_limit: cost_per_day": "I have said all that I may say in a day",
}
"""Reasons as people are told them; an admin has `python -m bot_host why`."""


async def _why(agent: Agent, call: CommandCall) -> str:
    found = await _asked_about(agent, call)
    story = await agent.store.tell_story(found.seq) if found is not None else None
    if found is None or story is None:
        return UNKNOWN if call.arguments.get("message") else NOTHING
    said = story.memory
    if said is not None and said.audience is Audience.ENTITY and said.entity_id != call.message.entity_id:
        return UNKNOWN  # nobody but its sender saw it
    lines = [_told(found, story)]
    if call.role is Role.OWNER:
        lines += _details(story)
    return "\n".join(lines)


async def _asked_about(agent: Agent, call: CommandCall) -> Received | None:
    """Of this room only: whoever asks could read it here."""
    named = str(call.arguments.get("message", "")).partition("?")[0].rstrip("/").rpartition("/")[2]
    message = call.message
    if not named:
        return await agent.store.last_received_from(message.entity_id, message.room_id, before=message.id)
    rows = await agent.store.find_received(named)
    return next((row for row in rows if row.room_id == message.room_id), None)


def _told(row: Received, story: Story) -> str:
    text = one_line(story.memory.content.text, 80) if story.memory is not None else ""
    what = f"“{text}” ({row.received_at:%H:%M} UTC)" if text else f"That of {row.received_at:%H:%M} UTC"
    if row.state is not InboxState.DONE:
        return f"{what} still waits for its turn, or I am at it just now."
    why = REASONS.get(row.reason, one_line(row.reason, 120))
    because = f": {why}" if why else ""
    match row.outcome:
        case Outcome.ANSWERED:
            failed = [part for part in story.parts if part.error and part.state == "failed"]
            if failed:
                return f"{what} was answered, but my answer did not go out: {one_line(failed[0].error, 120)}."
            return f"{what} was answered{because}."
        case Outcome.FAILED:
            return f"{what} was not answered, as something went wrong on my side."
        case Outcome.SUPERSEDED:
            return f"{what} was not answered by itself{because}."
    return f"{what} was not answered{because}."


def _details(story: Story) -> list[str]:
    """For whoever runs the bot."""
    if story.run is None:
        return []
    took = (story.run.ended_at - story.run.started_at).total_seconds()
    lines = [
        f"It took {took:.1f} s" + (f", error: {one_line(story.run.error, 200)}" if story.run.error else "")
    ]
    for called in story.run.model_calls:
        tokens = int(called.get("prompt_tokens") or 0) + int(called.get("completion_tokens") or 0)
        cost = f", ${called['cost']:.6f}" if called.get("cost") else ""
        lines.append(f"- {called.get('provider')} {called.get('model')}: {tokens} tokens{cost}")
    return lines


async def _model(agent: Agent, call: CommandCall) -> str:
    lines = []
    for kind, what in ((ModelType.TEXT_LARGE, "Answers"), (ModelType.TEXT_SMALL, "Quick decisions")):
        providers = agent.get_model_providers(kind)
        if providers:
            lines.append(f"{what} come from {', then '.join(providers)}.")
    for run in await agent.store.get_runs(call.room.id, count=RUNS):
        named = [str(each["model"]) for each in run.model_calls if each.get("model")]
        if named:
            lines.append(f"The last one here was written by {named[-1]}.")
            break
    return "\n".join(lines) or "Nobody offers me a model."


ASK = Command(
    name="ask",
    description="Ask me something.",
    options=(
        Option(
            name="text",
            description="What you want to know.",
            required=True,
            localizations=described(
                "Was du wissen willst.", "Ce que tu veux savoir.", "Lo que quieres saber."
            ),
        ),
    ),
    says="text",
    menus={"message": "Ask about this", "anywhere": "Ask something"},
    localizations=described("Mich etwas fragen.", "Me poser une question.", "Preguntarme algo."),
)
WHY = Command(
    name="why",
    description="Why your last message here was answered, or was not.",
    handler=_why,
    options=(
        Option(
            name="message",
            description="Another message of this room: its link or id.",
            localizations=described(
                "Eine andere Nachricht dieses Raums: Link oder Id.",
                "Un autre message de ce salon : lien ou id.",
                "Otro mensaje de esta sala: enlace o id.",
            ),
        ),
    ),
    private=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Warum deine letzte Nachricht hier beantwortet wurde, oder nicht.",
        "Pourquoi ton dernier message ici a eu une réponse, ou non.",
        "Por qué tu último mensaje aquí tuvo respuesta, o no.",
    ),
)
MODEL = Command(
    name="model",
    description="Which model answers.",
    handler=_model,
    private=True,
    idempotent=True,
    free=True,
    localizations=described("Welches Modell antwortet.", "Quel modèle répond.", "Qué modelo responde."),
)
