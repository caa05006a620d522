"""`verify`: a walk through all rows, and what to do about each that breaks a promise."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from bot_host.app.folders import process_lock
from bot_host.config.schema import Loaded
from bot_host.store import make_store
from bot_host.types.ledger import RECEIVED, Audited, Balance, Check

_FAULT: Final = "a fault of Bot Host: please report it with what `why` tells about these"
ADVICE: Final[dict[Check, str]] = {
    Check.OUTCOMES: _FAULT,
    Check.BALANCE: "rows were taken out of the database by hand; restore a backup if you miss them",
    Check.OTHERS: _FAULT,
    Check.TURNS: "two hosts at work on one database, or the clock was set back; else a fault to report",
    Check.SENDING: "the clock was set back while they went out; else a fault to report",
    Check.PARTS: _FAULT,
    Check.ONCE: _FAULT,
    Check.SAID: "the connector made nothing of the answer, or it never reached the outbox; see `why`",
    Check.MEMORIES: "rows were taken out of the inbox; such a message is answered again if it comes again",
    Check.ROWS: "they end as ignored at the next start of the host",
    Check.RUNS: "their turns' records were taken out of the database; nothing else is missing",
    Check.UNSENT: "they still go out; the answer itself was deleted",
    Check.RUNNING: "the host was killed; start it, and they are taken up again",
    Check.LEAVING: "the host was killed while it sent them; start it, and it looks whether they arrived",
}


async def audit(loaded: Loaded) -> tuple[Audited, bool]:
    """What the walk found, and whether a host is at work. Raises StoreError, OSError."""
    running = process_lock(loaded).is_taken
    async with make_store(loaded.config.database.url, base=loaded.folder, read_only=True) as store:
        return await store.audit_rows(host_runs=running), running


def as_json(found: Audited, *, running: bool) -> dict[str, Any]:
    """What `verify --json` prints."""
    return {
        "balanced": not found.violations,
        "host_runs": running,
        "messages": asdict(found.balance),
        "others": found.others,
        "parts": found.parts,
        "checks": [check.value for check in Check],
        "violations": [
            {
                "check": violation.check.value,
                "count": violation.count,
                "examples": list(violation.examples),
                "advice": ADVICE[violation.check],
            }
            for violation in found.violations
        ],
    }


def as_lines(found: Audited) -> Iterator[str]:
    """The same for people."""
    yield f"messages    {balance_line(found.balance)}"
    for kind, ends in found.others.items():
        if ends[RECEIVED]:
            ended = " + ".join(f"{count} {end}" for end, count in ends.items() if end != RECEIVED)
            yield f"{kind:<12}{ends[RECEIVED]} received = {ended}"
    yield f"parts       {', '.join(f'{count} {state}' for state, count in found.parts.items())}"
    yield ""
    broken = {violation.check: violation for violation in found.violations}
    for check in Check:
        violation = broken.get(check)
        if violation is None:
            yield f"ok  {check}"
            continue
        more = ", …" if violation.count > len(violation.examples) else ""
        yield f"BAD {check}: {violation.count} not so ({', '.join(violation.examples)}{more})"
        yield f"      do this: {ADVICE[check]}"


def balance_line(balance: Balance) -> str:
    """`6 received = 3 answered + …`."""
    return (
        f"{balance.received} received {'=' if balance.balanced else '≠'} {balance.answered} answered + "
        f"{balance.ignored} ignored + {balance.superseded} superseded + {balance.failed} failed + "
        f"{balance.pending} pending"
    )
