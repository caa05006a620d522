"""A model that says what the test wants."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from bot_host.contracts.plugin import Agent, Plugin
from bot_host.types.models import ModelType, TextRequest, TextResult, Usage


class ScriptedModel:
    """Answers the requests in order with what is in `answers`, then with `echo: <last user text>`.

    An answer is a text, a TextResult, an exception to raise, or a function of the request. `hold.clear()`
    makes requests wait; `asked` counts those that have come in.
    """

    def __init__(self, *answers: Any) -> None:
        self.answers: list[Any] = list(answers)
        self.decisions: list[str] = []
        """Answers for the small model. Asked for a JSON object, it always gives an empty one; for a summary,
        always the same."""
        self.requests: list[TextRequest] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self._news = asyncio.Condition()

    @property
    def plugin(self) -> Plugin:
        """A plugin called `scripted` that registers this model as the small and the large one."""

        async def init(config: Mapping[str, Any], agent: Agent) -> None:
            agent.register_model(ModelType.TEXT_LARGE, self._large, provider="scripted")
            agent.register_model(ModelType.TEXT_SMALL, self._small, provider="scripted")

        return Plugin(name="scripted", init=init, priority=-50)

    async def wait_asked(self, count: int = 1) -> None:
        """Wait until `count` requests have come in."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.requests) >= count)

    async def _small(self, agent: Agent, request: TextRequest) -> TextResult:
        if "one JSON object" in request.messages[0].content:
            return TextResult(text="{}", model="scripted-small")
        if request.messages[0].content.startswith("TASK: SUMMARY"):
            return TextResult(text="They talked.", model="scripted-small")
        return TextResult(text=self.decisions.pop(0) if self.decisions else "IGNORE", model="scripted-small")

    async def _large(self, agent: Agent, request: TextRequest) -> TextResult:
        async with self._news:
            self.requests.append(request)
            self._news.notify_all()
        await self.hold.wait()
        answer = self.answers.pop(0) if self.answers else self._echo(request)
        if callable(answer):
            answer = answer(request)
            if isinstance(answer, Awaitable):
                answer = await answer
        if isinstance(answer, Exception):
            raise answer
        result = (
            answer
            if isinstance(answer, TextResult)
            else TextResult(
                text=str(answer), model="scripted-large", usage=Usage(prompt_tokens=10, completion_tokens=5)
            )
        )
        if request.on_chunk is not None and result.text:
            await request.on_chunk(result.text)
        return result

    @staticmethod
    def _echo(request: TextRequest) -> str:
        said = [message.content for message in request.messages if message.role == "user"]
        return f"echo: {said[-1] if said else ''}"
