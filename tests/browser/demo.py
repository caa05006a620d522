"""A host with people, questions, answers, costs and failures on three platforms, as an admin may find it."""

from pathlib import Path
from typing import Any, Final

from tests.browser.homes import PIPE
from tests.fakes.openai import Answer, ApiError, FakeOpenAI, ModelRequest
from tests.journeys.party import Party
from tests.journeys.seats import DM, GROUP, THREAD

CONFIG: Final = (
    PIPE
    + """
[[agents]]
character = "eliza.toml"

[[agents]]
character = "sage.toml"
"""
)
PRICES: Final = (
    'prices = { "fake-large" = { input = 3.0, output = 15.0 },'
    ' "fake-small" = { input = 0.3, output = 1.5 } }\n'
)
ELIZA: Final = """
name = "Eliza"
system = "You are Eliza, a friendly and capable assistant who lives in people's chats."
bio = ["Named after the first chat program, written in 1966.", "Helps with everyday questions."]
topics = ["gardens", "plans", "writing"]
adjectives = ["friendly", "attentive", "clear"]
"""
SAGE: Final = """
name = "Sage"
system = "You are Sage, a thinking partner for people who build and decide things."
bio = ["Reviews plans by asking what would have to be true for them to work."]
"""
ANSWERS: Final = {
    "roses": "Not yet. Wait until the **buds swell**, usually in March, then:\n\n1. cut out what is dead\n"
    "2. shorten the rest by a third\n3. water well",
    "meeting": "The garden club meets on **Thursday at 18:00** in the glass house.",
    "launch": "What would have to be true for it to work? 200 sign-ups a week; last month it was 40.",
    "recipe": "Of course: 500 g flour, 350 g water, 10 g salt and a little patience.",
    "hello": "Hello! What can I do for you today?",
    "poem": "> The wind forgets the garden wall,\n> the roses do not mind at all.",
    "backup": "Use `python -m bot_host db backup`:\n\n```sh\npython -m bot_host db backup --to backups/\n```",
}


def answer(request: ModelRequest) -> Answer | None:
    """What the model says to a request: by the last thing that was asked."""
    said = [each for each in request.body.get("messages", ()) if each.get("role") == "user"]
    text = str(said[-1].get("content", "")) if said else ""
    found = next((words for key, words in ANSWERS.items() if key in text.lower()), None)
    return Answer(found, usage=(1200 + 17 * len(text), 40 + len(found))) if found else None


def write(folder: Path) -> None:
    """The characters' files."""
    (folder / "eliza.toml").write_text(ELIZA, encoding="utf-8")
    (folder / "sage.toml").write_text(SAGE, encoding="utf-8")


def price(folder: Path) -> None:
    """Tell the config what the models cost."""
    config = folder / "config.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(
        text.replace('large = "fake-large"\n', f'large = "fake-large"\n{PRICES}'), encoding="utf-8"
    )


async def talk(one: Party) -> None:
    """What people said."""
    seats: dict[str, Any] = {seat.name: seat for seat in one.seats}
    model: FakeOpenAI = one.model
    model.answer_with(answer)
    for name, place, text in (
        ("discord", GROUP, "Should I prune my roses now?"),
        ("discord", DM, "hello"),
        ("telegram", DM, "Can you give me a recipe for bread?"),
        ("telegram", GROUP, "When is the next meeting?"),
        ("slack", GROUP, "Is our launch plan any good?"),
        ("slack", DM, "How do I make a backup?"),
        ("discord", THREAD, "A poem about roses, please"),
    ):
        count = len(seats[name].replies(place))
        await seats[name].say(place, text, mention=place != DM)
        await seats[name].wait_reply(place, count + 1)
    for name, text in (
        ("discord", "I'll bring the ladder tomorrow"),
        ("telegram", "who has the keys?"),
        ("slack", "lunch?"),
    ):
        await seats[name].say(GROUP, text)
    model.fail(ApiError(400, "This model's maximum context length is 8192 tokens"), times=2)
    await seats["telegram"].say(DM, "Summarise this long report for me")
    await seats["telegram"].wait_reply(DM, 2)
