"""Polls as Discord takes them (resources/poll#poll-create-request-object). Pure."""

from typing import Any, Final

from bot_host.connector import Content, one_line

QUESTION: Final = 300
ANSWER: Final = 55
"""Characters (resources/poll#poll-media-object)."""
ANSWERS: Final = 10
HOURS: Final = 24
MOST_HOURS: Final = 768
"""32 days."""

Json = dict[str, Any]


def poll_content(question: str, answers: list[str], *, hours: int, several: bool) -> Content:
    """A poll as a message. Its text is how the agent remembers it."""
    told = {"question": question, "answers": answers, "hours": hours, "several": several}
    text = f"[poll: {question} {' / '.join(answers)}]"
    return Content.model_validate({"text": text, "poll": told})


def poll_body(content: Content) -> Json | None:
    """The `poll` of a message's body; None: it is none."""
    told: Any = (content.model_extra or {}).get("poll")
    if not isinstance(told, dict) or not told.get("answers"):
        return None
    answers = [one_line(str(answer), ANSWER) for answer in told["answers"]][:ANSWERS]
    return {
        "question": {"text": one_line(str(told.get("question", "")), QUESTION)},
        "answers": [{"poll_media": {"text": answer}} for answer in answers],
        "duration": max(1, min(int(told.get("hours", HOURS)), MOST_HOURS)),
        "allow_multiselect": bool(told.get("several")),
        "layout_type": 1,
    }
