"""A real host process with its console: what a browser opens."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from tests.journeys.harness import HostProcess
from tests.journeys.party import Party, party

PIPE: Final = "[connectors.terminal]\nenabled = true\n"


async def url_of(host: HostProcess) -> str:
    """Where the console is, as the log says."""
    found = re.search(r"http://127\.0\.0\.1:\d+", await host.wait_log("web on: http"))
    assert found is not None
    return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A host under way, with its platforms and its model."""

    party: Party
    process: HostProcess
    url: str


@asynccontextmanager
async def home(folder: Path, *platforms: str, extra: str = "", **env: str) -> AsyncIterator[Home]:
    """A host with these platforms and a model that answers `echo: …`."""
    async with party(folder, *platforms, extra=PIPE + extra) as one:
        one.env.update(env)
        async with one.host() as process:
            url = await url_of(process)
            await ready(url)
            yield Home(party=one, process=process, url=url)
            assert await process.stop() == 0


async def ready(url: str) -> None:
    """Wait until the host says that it is ready."""
    async with aiohttp.ClientSession() as client:
        while True:
            async with client.get(url + "/health/ready") as answer:
                if answer.status == 200:
                    return
