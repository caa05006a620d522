"""A person's own data: /mydata, /forgetme."""

import base64
import json
from typing import Any, Final

from bot_host.plugin import (
    Agent,
    Choices,
    Command,
    CommandCall,
    Content,
    Media,
    MediaType,
    Option,
    Pick,
    one_line,
)
from bot_host.plugins.commands.words import described

FILE_BYTES: Final = 7_000_000
"""Of the file, as JSON: all platforms take as much."""
BULKY: Final = ("embeddings", "steps", "runs", "logs")
"""What goes first where it is more: it is derived from the rest, or tells how the turns went."""
YES: Final = "yes"
FORGOTTEN: Final = "I forget you now. Whatever you write next is the first I hear of you."


async def _mydata(agent: Agent, call: CommandCall) -> Content | str:
    found = await agent.store.export_entity(call.message.entity_id)
    left_out = []
    data = _as_json(found)
    for name in BULKY:
        if len(data) > FILE_BYTES and found.pop(name, None) is not None:
            left_out.append(name)
            data = _as_json(found)
    lines = [f"What I have of you: {_counted(found)}."]
    if left_out:
        lines.append(f"Left out, as it is too much for a file: {', '.join(left_out)}.")
    if len(data) > FILE_BYTES:
        return f"{lines[0]} It is too much for a file: ask whoever runs me for it."
    url = f"data:application/json;base64,{base64.b64encode(data).decode('ascii')}"
    media = Media(
        id="mydata",
        url=url,
        title="mydata.json",
        file_name="mydata.json",
        mime_type="application/json",
        content_type=MediaType.DOCUMENT,
        size=len(data),
    )
    return Content(text="\n".join(lines), attachments=[media])


def _as_json(found: dict[str, list[dict[str, Any]]]) -> bytes:
    return json.dumps(found, ensure_ascii=False, indent=1, default=str).encode()


def _counted(found: dict[str, list[dict[str, Any]]]) -> str:
    return ", ".join(f"{len(rows)} {name.replace('_', ' ')}" for name, rows in found.items()) or "nothing"


async def _forgetme(agent: Agent, call: CommandCall) -> Content | str:
    answer = call.arguments.get("answer")
    if answer is None:
        name = one_line(agent.character.name, 60)
        return Content(
            text=(
                f"Shall {name} forget you? What you said, what was said to you, what was learned of you and "
                "what waits for you are deleted for good. What others said stays theirs."
            ),
            choices=Choices(
                picks=[
                    Pick(label="Forget me", value=YES, style="danger"),
                    Pick(label="Keep it", value="no"),
                ],
                command="forgetme",
                argument="answer",
                lasts_s=900,
            ),
        )
    if answer != YES:
        return "Nothing was deleted."
    return await call.forget_sender(Content(text=FORGOTTEN))


MYDATA = Command(
    name="mydata",
    description="All that I have of you, as a file for you alone.",
    handler=_mydata,
    menus={"user": "What do you know about me?", "anywhere": "What you know about me"},
    private=True,
    secret=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Alles, was ich über dich habe, als Datei nur für dich.",
        "Tout ce que j'ai sur toi, dans un fichier pour toi seul.",
        "Todo lo que tengo de ti, en un archivo solo para ti.",
    ),
)
FORGETME = Command(
    name="forgetme",
    description="Delete all that I have of you.",
    handler=_forgetme,
    options=(Option(name="answer", description="Yes or no.", hidden=True),),
    private=True,
    secret=True,
    idempotent=True,
    free=True,
    localizations=described(
        "Alles löschen, was ich über dich habe.",
        "Effacer tout ce que j'ai sur toi.",
        "Borrar todo lo que tengo de ti.",
    ),
)
