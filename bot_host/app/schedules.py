"""Whether what `[[agents.schedules]]` say can be done: is there a way to the place that each one names?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot_host.app.agents import Hosted, answering_agent
from bot_host.config.schema import ConnectorEntry, Loaded, ScheduleConfig
from bot_host.contracts.connector import CheckLine
from bot_host.contracts.store import Store
from bot_host.host.schedules import room_id_of
from bot_host.kit.names import did_you_mean
from bot_host.store import make_store
from bot_host.types.character import Character

MEET: Final = "write to the agent there once, so that it knows the place; or see that the id is right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An agent's schedules, and the sources that something sends to for it."""

    number: int
    """From 1."""
    character: Character
    schedules: Sequence[ScheduleConfig]
    sources: frozenset[str]
    """Platforms of connectors that are on and that it answers on, and what its plugins send to."""
    platforms: frozenset[str]
    """All that there are, on or off."""

    def name(self, number: int) -> str:
        """`schedule 1 of Eliza`."""
        return f"schedule {number} of {self.character.name}"

    def sends_nowhere(self, schedule: ScheduleConfig) -> str:
        """Why nothing is sent to its target's source; empty when something is."""
        source = schedule.target.get("source", "")
        if not source or source in self.sources:
            return ""
        if source in self.platforms:
            return f"the connector {source} is off, or another agent answers there"
        known = sorted(self.platforms | self.sources)
        return f'nothing sends to "{source}"{did_you_mean(source, known)}; known are {", ".join(known)}'


def planned(
    loaded: Loaded,
    hosted: Sequence[Hosted],
    on: Iterable[ConnectorEntry],
    platforms: Iterable[str],
) -> list[Planned]:
    """The agents that have schedules. `on`: the accounts that are switched on. Raises ConfigError."""
    if not any(each.agent.schedules for each in hosted):
        return []
    names = [each.character.name for each in hosted]
    answers = [(answering_agent(loaded, entry, names), entry.platform) for entry in on]
    found = []
    for index, each in enumerate(hosted):
        if not each.agent.schedules:
            continue
        handled = {source for plugin in each.plugins for source in plugin.send_handlers}
        sources = handled | {platform for number, platform in answers if number == index}
        found.append(
            Planned(
                number=index + 1,
                character=each.character,
                schedules=each.agent.schedules,
                sources=frozenset(sources),
                platforms=frozenset(platforms),
            )
        )
    return found


def faults(plans: Iterable[Planned]) -> list[str]:
    """One line each for a schedule that has no way out as configured."""
    return [
        f"{plan.name(number)}: {why}"
        for plan in plans
        for number, schedule in enumerate(plan.schedules, 1)
        if (why := plan.sends_nowhere(schedule))
    ]


async def check_schedules(loaded: Loaded, plans: Sequence[Planned]) -> list[CheckLine]:
    """A line for each schedule: is there a way to its place, and does the agent know its room?"""
    if not plans:
        return []
    store = make_store(loaded.config.database.url, base=loaded.folder)
    try:
        await store.open()
        return [
            await _look(store, plan, plan.name(number), schedule)
            for plan in plans
            for number, schedule in enumerate(plan.schedules, 1)
        ]
    finally:
        await store.close()


async def _look(store: Store, plan: Planned, name: str, schedule: ScheduleConfig) -> CheckLine:
    why = plan.sends_nowhere(schedule)
    if why:
        return CheckLine(name=name, ok=False, detail=why)
    agent_id, target = plan.character.agent_id, schedule.target
    when = f"cron {schedule.cron}" if schedule.cron else f"every {schedule.every} s"
    word = schedule.room or target.get("room_id", "")
    if word:
        room = await store.find_room(room_id_of(agent_id, word))
        if room is None or room.agent_id != agent_id:
            return CheckLine(name=name, ok=False, detail=f'the agent knows no room "{word}"', advice=MEET)
        return CheckLine(name=name, ok=True, detail=f"{when}, in {room.name or room.channel_id or word}")
    source, channel = target["source"], target.get("channel_id", "")
    known = await store.find_room_by_channel(agent_id, source, channel, target.get("thread_id", ""))
    if known is None and schedule.prompt:
        # A text goes out to a place that was never seen; what is answered needs a room to be answered in.
        return CheckLine(name=name, ok=False, detail=f"the agent knows no {source} {channel}", advice=MEET)
    return CheckLine(name=name, ok=True, detail=f"{when}, to {source} {channel}")
