"""Speaking and not speaking: REPLY, IGNORE, NONE.

A model with tool calling speaks by its text, so REPLY and NONE are no tools: they run where a response names
them in `content.actions` (code, and structured text formats). IGNORE is a tool in rooms of several people.
"""

from bot_host.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    ChatMessage,
    Content,
    Memory,
    ModelType,
    State,
    TextRequest,
    clean_text,
)
from bot_host.plugins.basics.here import PRIVATE


async def _shared(agent: Agent, message: Memory, state: State) -> bool:
    return message.content.channel_type is not None and message.content.channel_type not in PRIVATE


async def _ignore(agent: Agent, call: ActionCall) -> ActionResult:
    return ActionResult(text="Nothing will be said.")


async def _none(agent: Agent, call: ActionCall) -> ActionResult:
    return ActionResult(text="Nothing was done.")


async def _reply(agent: Agent, call: ActionCall) -> ActionResult:
    if call.callback is None:
        return ActionResult(
            success=False, error="there is nobody to say it to here: the text of the answer is the reply"
        )
    given = next((response for response in call.responses if response.content.text.strip()), None)
    thought = given.content.thought if given is not None else None
    text = given.content.text if given is not None else await _written(agent, call)
    if not text.strip():
        return ActionResult(success=False, error="the model gave an empty answer")
    await call.callback(Content(text=text, thought=thought, actions=["REPLY"], in_reply_to=call.message.id))
    return ActionResult(text="Said.", values={"last_reply": text})


async def _written(agent: Agent, call: ActionCall) -> str:
    asked = ChatMessage(role="user", content=call.message.content.text)
    request = TextRequest(messages=(ChatMessage(role="system", content=call.state.text), asked))
    answer = await agent.use_model(ModelType.TEXT_LARGE, request)
    return clean_text(answer.text).strip()


REPLY = Action(
    name="REPLY",
    description="Say something to the room.",
    similes=("GREET", "REPLY_TO_MESSAGE", "SEND_REPLY", "RESPOND", "RESPONSE"),
    handler=_reply,
    as_tool=False,
)
IGNORE = Action(
    name="IGNORE",
    description="Say nothing: nobody expects an answer from you, or somebody asked you to stop talking.",
    similes=("STOP_TALKING", "STOP_CHATTING", "STOP_CONVERSATION"),
    handler=_ignore,
    validate=_shared,
    idempotent=True,
)
NONE = Action(
    name="NONE",
    description="Do nothing beside the answer.",
    similes=("NO_ACTION", "NO_RESPONSE", "NO_REACTION"),
    handler=_none,
    as_tool=False,
    idempotent=True,
)
