"""The walk through all rows finds each broken promise by name and row, and nothing where all is well."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot_host.store import Database, make_store
from bot_host.types.inbound import Skipped
from bot_host.types.ledger import Audited, Check
from bot_host.types.outbound import Target
from bot_host.types.turn import InboxEnd, Outcome
from tests.store.samples import AGENT, CHARACTER, make_admission, make_commit, make_id, make_part, make_run

ROOM = make_id("room")


async def fill(store: Database) -> None:
    """Six messages in the room: answered in two parts, ignored, answered together (5), failed, one waits."""
    await store.ensure_agent(AGENT, CHARACTER)
    keys = ("m1", "m2", "m3", "m4", "m5", "m6")
    admissions = [make_admission(key) for key in keys]
    memories = [
        each.memory.model_copy(update={"metadata": {"source_id": each.message_id}}) for each in admissions
    ]
    pairs = zip(admissions, memories, strict=True)
    await store.admit([replace(each, memory=memory) for each, memory in pairs])
    for count, outcome, said in ((1, "answered", 2), (1, "ignored", 0), (2, "answered", 1), (1, "failed", 1)):
        rows = (await store.take_turn(AGENT, ROOM, count)).rows
        began = rows[-1].received_at
        run = make_run(ROOM, started_at=began, ended_at=began, steps=({"name": "gate", "ms": 1.0},))
        commit = make_commit(*rows, run=run)
        [reply] = commit.memories
        parts = tuple(make_part(reply, part=n, parts=said, run_id=run.id) for n in range(said))
        ends = tuple(InboxEnd(seq=row.seq, outcome=Outcome(outcome), reason="because") for row in rows)
        memories = [reply] if said else []
        queued = await store.commit_turn(replace(commit, ends=ends, outbox=parts, memories=tuple(memories)))
        assert queued is not None
        for number in queued.seqs:
            await store.mark_sending(number)
            await store.mark_sent(number, f"sent-{number}")
    await store.count_skipped("discord:99", [Skipped(reason="bot", event_key="c/9")])


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A database in which all is well."""
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        await fill(store)
    return tmp_path / "bot.db"


@pytest.fixture
async def memory_store() -> AsyncIterator[Database]:
    async with make_store("sqlite://", base=Path()) as store:
        yield store


async def audit(file: Path, *, host_runs: bool = False) -> Audited:
    async with make_store(f"sqlite:///{file}", base=file.parent, read_only=True) as store:
        return await store.audit_rows(host_runs=host_runs)


async def test_a_whole_database_has_no_violation(file: Path) -> None:
    found = await audit(file)
    assert found.violations == ()
    balance = found.balance
    assert (balance.received, balance.answered, balance.ignored, balance.failed, balance.pending) == (
        6,
        3,
        1,
        1,
        1,
    )
    assert balance.balanced
    assert found.parts == {"pending": 0, "sending": 0, "sent": 4, "failed": 0}
    assert found.others["skip"] == {"received": 1, "applied": 0, "handled": 1, "failed": 0}


async def test_an_empty_database_has_no_violation(memory_store: Database) -> None:
    found = await memory_store.audit_rows(host_runs=True)
    assert (found.violations, found.balance.received) == ((), 0)


M1, M6 = make_id("memory m1"), make_id("memory m6")
BREAKS: dict[str, tuple[str, Check, str]] = {
    "a row without outcome": (
        "UPDATE inbox SET outcome = NULL WHERE seq = 1",
        Check.OUTCOMES,
        "row:1",
    ),
    "an outcome that nobody knows": (
        "UPDATE inbox SET outcome = 'lost' WHERE seq = 2",
        Check.OUTCOMES,
        "row:2",
    ),
    "an outcome before the end": (
        "UPDATE inbox SET outcome = 'failed' WHERE seq = 6",
        Check.OUTCOMES,
        "row:6",
    ),
    "a state that nobody knows": ("UPDATE inbox SET state = 'lost' WHERE seq = 6", Check.OUTCOMES, "row:6"),
    "a row that vanished": (
        "DELETE FROM inbox WHERE seq = 2",
        Check.BALANCE,
        "discord:99: 6 received, 5 rows",
    ),
    "an event that came and did not end": (
        "UPDATE tallies SET count = 3 WHERE kind = 'skip' AND ending = 'received'",
        Check.OTHERS,
        "discord:99: 3 skip received, 1 ended",
    ),
    "a turn inside another": (
        "UPDATE runs SET ended_at = ended_at + 1000000 WHERE id = (SELECT run_id FROM inbox WHERE seq = 1)",
        Check.TURNS,
        "row:3",
    ),
    "a part that overtook another": (
        "UPDATE outbox SET sent_at = sent_at - 60000000 WHERE seq = 2",
        Check.SENDING,
        "outbox:2",
    ),
    "a part that was left behind": (
        "UPDATE outbox SET state = 'pending' WHERE seq = 2",
        Check.SENDING,
        "outbox:3",
    ),
    "a part that is there twice": (
        "INSERT INTO outbox (agent_id, account, destination, target, payload, part, parts, memory_id, "
        "run_id, message, state, attempts, error, platform_message_id, created_at, sent_at) SELECT "
        "agent_id, account, destination, target, payload, part, parts, memory_id, run_id, message, state, "
        "attempts, error, 'x', created_at, sent_at + 9000000 FROM outbox WHERE seq = 3",
        Check.PARTS,
        "outbox:3",
    ),
    "a part that is missing": ("DELETE FROM outbox WHERE seq = 1", Check.PARTS, "outbox:2"),
    "one platform id for two parts": (
        "UPDATE outbox SET platform_message_id = 'sent-1' WHERE seq = 2",
        Check.PARTS,
        "outbox:1",
    ),
    "an answer of another turn to the same message": (
        "UPDATE memories SET content = json_set(content, '$.in_reply_to', (SELECT memory_id FROM inbox WHERE "
        "seq = 1)) WHERE id = (SELECT memory_id FROM outbox WHERE seq = 4)",
        Check.ONCE,
        M1,
    ),
    "an answer that never reached the outbox": ("DELETE FROM outbox WHERE seq = 3", Check.SAID, "row:3"),
    "a message without a row": (
        "UPDATE inbox SET memory_id = NULL WHERE seq = 1",
        Check.MEMORIES,
        M1,
    ),
    "a row without its message": (
        f"DELETE FROM memories WHERE id = '{M6}'",
        Check.ROWS,
        "row:6",
    ),
    "a row without its run": (
        "DELETE FROM runs WHERE id = (SELECT run_id FROM inbox WHERE seq = 2)",
        Check.RUNS,
        "row:2",
    ),
    "a row that a killed host had begun": (
        "UPDATE inbox SET state = 'running' WHERE seq = 6",
        Check.RUNNING,
        "row:6",
    ),
    "a part that a killed host was sending": (
        "UPDATE outbox SET state = 'sending', sent_at = NULL WHERE seq = 4",
        Check.LEAVING,
        "outbox:4",
    ),
    "an unsent part without its answer": (
        "UPDATE outbox SET state = 'pending', memory_id = NULL WHERE seq = 4",
        Check.UNSENT,
        "outbox:4",
    ),
}


def break_it(file: Path, statement: str) -> None:
    db = sqlite3.connect(file)
    db.execute(statement)
    db.commit()
    db.close()


@pytest.mark.parametrize("name", BREAKS)
async def test_each_broken_promise_is_found(name: str, file: Path) -> None:
    statement, check, example = BREAKS[name]
    break_it(file, statement)
    found = {violation.check: violation for violation in (await audit(file)).violations}
    assert check in found, found
    assert example in found[check].examples


def test_each_check_is_broken_by_some_test() -> None:
    assert {check for _, check, _ in BREAKS.values()} == set(Check)


async def test_rows_under_way_are_fine_while_a_host_runs(file: Path) -> None:
    break_it(file, "UPDATE inbox SET state = 'running' WHERE seq = 6")
    break_it(file, "UPDATE outbox SET state = 'sending', sent_at = NULL WHERE seq = 4")
    assert (await audit(file, host_runs=True)).violations == ()


async def test_erasing_deleting_and_editing_break_nothing(tmp_path: Path) -> None:
    async with make_store("sqlite:///bot.db", base=tmp_path) as store:
        await fill(store)
        await store.admit([make_admission("z1", person="zoe"), make_admission("o1", room="other")])
        rows = (await store.take_turn(AGENT, ROOM, 9)).rows
        later = rows[-1].received_at + timedelta(minutes=1)
        run = make_run(ROOM, started_at=rows[0].received_at, ended_at=later, steps=({"name": "gate"},))
        commit = make_commit(*rows, run=run)
        [reply] = commit.memories
        target = Target(source="discord", account="discord:99", room_id=ROOM)
        await store.commit_turn(
            replace(commit, outbox=(make_part(reply, run_id=commit.run.id, target=target),))
        )
        # Zoe and Ben answered together, in answer to Ben: the answer is erased with him, her row is not.
        await store.admit([make_admission("z2", person="zoe"), make_admission("b2")])
        rows = (await store.take_turn(AGENT, ROOM, 9)).rows
        both = make_commit(
            *rows, run=make_run(ROOM, started_at=later, ended_at=later, steps=({"name": "gate"},))
        )
        [reply] = both.memories
        await store.commit_turn(replace(both, outbox=(make_part(reply, run_id=both.run.id),)))
        assert (await store.audit_rows(host_runs=False)).violations == ()
        await store.erase_entity(make_id("ben"))
        assert (await store.audit_rows(host_runs=False)).violations == ()
        await store.delete_room(ROOM)
        await store.delete_room(make_id("other"))
        found = await store.audit_rows(host_runs=False)
        assert found.violations == ()
        assert found.balance.balanced
        assert found.parts["pending"] == 0


async def test_examples_are_a_few_and_the_count_is_all(file: Path) -> None:
    break_it(file, "UPDATE inbox SET outcome = 'lost' WHERE seq < 6")
    [found] = [each for each in (await audit(file)).violations if each.check is Check.OUTCOMES]
    assert (found.count, len(found.examples)) == (5, 5)
