"""A person's own data: /mydata, /forgetme."""

import base64
from collections.abc import Mapping
from typing import Final

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

YES: Final = "yes"
ALL: Final = "all"
FORGOTTEN: Final = "I forget you now. Whatever you write next is the first I hear of you."
TOO_MUCH: Final = (
    "It is too much for a message: ask whoever runs me for it, `python -m bot_host person export {person}`."
)
NOT_COVERED: Final = (
    "Not covered: what others said, backups and log files of whoever runs me, and what the platform keeps."
)


async def _mydata(agent: Agent, call: CommandCall) -> Content | str:
    if agent.host is None:
        return "Nobody hosts me, so I cannot send files."
    accounts = await agent.store.linked_entities(call.message.entity_id)
    archive = await agent.host.archive_person(agent.agent_id, accounts)
    lines = [f"What I have of you: {_counted(archive.counts)}."]
    if len(accounts) > 1:
        lines.append(f"Of {len(accounts)} accounts that you have linked, a folder each.")
    if not archive.parts:
        return f"{lines[0]} {TOO_MUCH.format(person=call.message.entity_id)}" if archive.counts else lines[0]
    if archive.left_out:
        lines.append(f"Left out, as it is too much for a message: {', '.join(archive.left_out)}.")
    files = [_file(data, archive.file_name(index)) for index, data in enumerate(archive.parts)]
    return Content(text="\n".join(lines), attachments=files)


def _file(data: bytes, name: str) -> Media:
    return Media(
        id=name,
        url=f"data:application/zip;base64,{base64.b64encode(data).decode('ascii')}",
        title=name,
        file_name=name,
        mime_type="application/zip",
        content_type=MediaType.DOCUMENT,
        size=len(data),
    )


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) or "nothing"


async def _forgetme(agent: Agent, call: CommandCall) -> Content | str:
    answer = call.arguments.get("answer")
    me, *others = await agent.store.linked_entities(call.message.entity_id)
    if answer is None:
        return _question(agent, linked=len(others))
    if answer not in (YES, ALL):
        return "Nothing was deleted."
    also = others if answer == ALL else []
    counts: dict[str, int] = {}
    for each in (me, *also):
        for table, rows in (await agent.store.export_entity(each)).items():
            counts[table] = counts.get(table, 0) + len(rows)
    receipt = f"{FORGOTTEN}\nDeleted, or emptied of you: {_counted(counts)}.\n{NOT_COVERED}"
    return await call.forget_sender(Content(text=receipt), also=also)


def _question(agent: Agent, *, linked: int) -> Content:
    name = one_line(agent.character.name, 60)
    text = (
        f"Shall {name} forget you? What you said, what was said to you, what was learned of you and "
        "what waits for you are deleted for good. What others said stays theirs."
    )
    picks = [Pick(label="Forget me", value=YES, style="danger")]
    if linked:
        text += f" You have linked {linked + 1} accounts: this one alone, or all of them?"
        picks = [
            Pick(label="Forget this account", value=YES, style="danger"),
            Pick(label="Forget all my accounts", value=ALL, style="danger"),
        ]
    picks.append(Pick(label="Keep it", value="no"))
    return Content(
        text=text,
        choices=Choices(picks=picks, command="forgetme", argument="answer", lasts_s=900),
    )


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
