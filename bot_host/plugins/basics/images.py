"""GENERATE_IMAGE: a picture in the reply."""

import base64
from typing import Final

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Content,
    ImageRequest,
    Media,
    MediaType,
    Memory,
    ModelError,
    ModelType,
    State,
    StateError,
    new_id,
    one_line,
)

LONGEST: Final = 4000
"""Characters of a description; image models take no more."""
CALLERS: Final = frozenset({None, "", "web", "api", "lambda", "internal", "local", "client_chat"})
"""Sources that are code of ours: they can use a `data:` URL. To chat platforms the bytes go as a file."""


async def _possible(agent: Agent, message: Memory, state: State) -> bool:
    return agent.get_model(ModelType.IMAGE) is not None


async def _generate(agent: Agent, call: ActionCall) -> ActionResult:
    prompt = str(call.arguments["prompt"]).strip()
    if not prompt:
        return ActionResult(success=False, error="the description of the picture is empty")
    try:
        pictures = await agent.use_model(ModelType.IMAGE, ImageRequest(prompt=prompt))
    except ModelError as error:
        return ActionResult(success=False, error=f"no picture: {one_line(str(error), 200)}")
    url = _address(pictures)
    if not url:
        return ActionResult(success=False, error="the image model gave no picture")
    title = one_line(prompt, 80)
    if url.lower().startswith("data:") and call.message.content.source not in CALLERS:
        try:
            media = await agent.save_media(_bytes(url), title=title)
        except (ValueError, StateError) as error:
            return ActionResult(
                success=False, error=f"the picture cannot be sent: {one_line(str(error), 200)}"
            )
        url = ""
    else:
        media = Media(id=new_id(), url=url, title=title, source="generated", content_type=MediaType.IMAGE)
    values = {"image_url": url} if url else {}
    if call.callback is not None:
        await call.callback(
            Content(attachments=[media], actions=["GENERATE_IMAGE"], in_reply_to=call.message.id)
        )
        return ActionResult(text="The picture was made and sent.", values=values)
    return ActionResult(
        text="The picture was made; it goes out with your answer. Do not repeat its address.",
        values=values,
        data={"attachments": [media]},
    )


def _bytes(url: str) -> bytes:
    """Of a `data:` URL. Raises ValueError."""
    return base64.b64decode(url.partition(",")[2], validate=True)


def _address(pictures: object) -> str:
    first = pictures[0] if isinstance(pictures, list) and pictures else pictures
    url = first.get("url") if isinstance(first, dict) else first
    if isinstance(url, str) and url.lower().startswith(("http://", "https://", "data:image/")):
        return url
    return ""


GENERATE_IMAGE = Action(
    name="GENERATE_IMAGE",
    description="Make a picture from a description and put it into the answer.",
    similes=("DRAW", "CREATE_IMAGE", "RENDER_IMAGE", "VISUALIZE"),
    handler=_generate,
    validate=_possible,
    parameters={
        "type": "object",
        "properties": {
            "prompt": {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST,
                "description": "What the picture shows, in detail: subject, style, light, mood.",
            }
        },
        "required": ["prompt"],
        "additionalProperties": False,
    },
)
