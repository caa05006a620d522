"""GENERATE_IMAGE: a picture in the reply."""

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
    new_id,
    one_line,
)

LONGEST: Final = 4000
"""Characters of a description; image models take no more."""
CALLERS: Final = frozenset({None, "", "web", "api", "lambda", "internal", "local", "client_chat"})
"""Sources that are code of ours: they can use a `data:` URL, which no chat platform takes."""


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
    if url.startswith("data:") and call.message.content.source not in CALLERS:
        return ActionResult(
            success=False,
            error="a picture was made, but as bytes without an address, and this platform is sent addresses "
            "only; an image model that answers with a URL is needed",
        )
    media = Media(
        id=new_id(), url=url, title=one_line(prompt, 80), source="generated", content_type=MediaType.IMAGE
    )
    if call.callback is not None:
        await call.callback(
            Content(attachments=[media], actions=["GENERATE_IMAGE"], in_reply_to=call.message.id)
        )
        return ActionResult(text="The picture was made and sent.", values={"image_url": url})
    return ActionResult(
        text="The picture was made; it goes out with your answer. Do not repeat its address.",
        values={"image_url": url},
        data={"attachments": [media]},
    )


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
