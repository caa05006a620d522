"""The host and the bare bots, started as their users start them."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.processes import Child, environment, program
from benchmarks.stages import Stage
from tests.fakes.openai import FakeOpenAI

CHARACTER = 'name = "Bench"\nbio = ["A helpful assistant."]\n'


def model_config(model: FakeOpenAI) -> str:
    """The table that points at the fake model server."""
    return (
        f'[models.openai]\napi_key = "{model.key}"\nbase_url = "{model.url}"\n'
        'small = "fake-small"\nlarge = "fake-large"\n'
    )


async def start_host(
    stack: AsyncExitStack, folder: Path, stages: Sequence[Stage], model: FakeOpenAI
) -> Child:
    """`python -m bot_host`, by a config.toml, connected to these platforms."""
    (folder / "bench.toml").write_text(CHARACTER, encoding="utf-8")
    config = model_config(model) + "".join(one.config() for one in stages)
    config += '[[agents]]\ncharacter = "bench.toml"\n'
    (folder / "config.toml").write_text(config, encoding="utf-8")
    tokens = {name: value for one in stages for name, value in one.tokens().items()}
    host = await stack.enter_async_context(
        program("-m", "bot_host", "--config", "config.toml", cwd=folder, env=environment(**tokens))
    )
    for one in stages:
        await host.wait_line(f"{one.name} on: connected as")
        await one.connected()
    return host


async def start_bare(stack: AsyncExitStack, folder: Path, on: Stage, model: FakeOpenAI) -> Child:
    """The bare bot of this platform."""
    env = environment(OPENAI_API_KEY=str(model.key), OPENAI_BASE_URL=model.url, **on.bare())
    bare = await stack.enter_async_context(
        program("-m", f"benchmarks.bare.{on.name}_bot", cwd=folder, env=env)
    )
    await bare.wait_line("ready")
    await on.connected()
    return bare
