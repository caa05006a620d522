"""A running host with a model and some platforms."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.fakes.openai import FakeOpenAI
from tests.journeys.harness import PATIENCE_S, HostProcess, bot_host, clean_environment
from tests.journeys.seats import Seat, model_config, take_seat


class Party:
    """A model and some seats, and the host between them, which may end and start again."""

    def __init__(self, folder: Path, model: FakeOpenAI, seats: list[Seat]) -> None:
        self.folder = folder
        self.model = model
        self.seats = seats
        self.program: Sequence[str] = ("-m", "bot_host")
        self.fresh = False
        """Whether each process is an interpreter that has imported nothing yet; see `harness.bot_host`."""
        self.env = clean_environment(**{k: v for seat in seats for k, v in seat.tokens().items()})

    def write_config(self, extra: str = "") -> None:
        """config.toml for the model and the seats."""
        config = model_config(self.model) + "".join(seat.config() for seat in self.seats) + extra
        (self.folder / "config.toml").write_text(config, encoding="utf-8")

    def command(
        self, *arguments: str, program: Sequence[str] = ("-m", "bot_host")
    ) -> AbstractAsyncContextManager[HostProcess]:
        """A command, with the party's config."""
        return bot_host(
            *arguments,
            "--config",
            "config.toml",
            cwd=self.folder,
            env=self.env,
            program=program,
            fresh=self.fresh,
        )

    @asynccontextmanager
    async def host(self, *, wait: bool = True) -> AsyncIterator[HostProcess]:
        """The host, with all seats connected. Its log is printed when the test fails."""
        async with self.command(program=self.program) as host:
            try:
                for seat in self.seats if wait else ():
                    await host.wait_log(f"{seat.name} on: connected as")
                yield host
            except BaseException:
                print(host.all_log)
                raise


@asynccontextmanager
async def party(
    folder: Path, *names: str, extra: str = "", patience_s: float = 2 * PATIENCE_S
) -> AsyncIterator[Party]:
    """Fakes for these platforms and a model, and a config for them. Nobody waits in them for ever."""
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(FakeOpenAI())
        seats = [await take_seat(name, stack) for name in names]
        one = Party(folder, model, seats)
        one.write_config(extra)
        async with asyncio.timeout(patience_s):
            yield one
