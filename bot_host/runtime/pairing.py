"""`pair`: who has asked to be let in, approving and turning down. For the command line and for owners."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bot_host.contracts.pairing import Pairings
from bot_host.kit.clock import utc_now
from bot_host.kit.names import did_you_mean
from bot_host.types.ids import UUID
from bot_host.types.pairing import Pairing, PairingState, clean_code, matching, who

VERBS: Final = ("list", "approve", "deny", "revoke")
USAGE: Final = "pair list, pair approve CODE, pair deny CODE, pair revoke WHO"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnswer:
    """What came of a `pair` command."""

    ok: bool
    text: str
    pairings: Sequence[Pairing] = field(default_factory=tuple)
    """The one that it is about, or those that were asked for."""


async def pair(store: Pairings, words: Sequence[str], *, by: str, agent_id: UUID | None = None) -> PairAnswer:
    """Do what the words after `pair` say. Whoever calls this has made sure that `by` may.

    `by` goes on the record: an entity's id, or `command line`. `agent_id`: only what is this agent's. Raises
    StoreError.
    """
    verb, rest = (words[0].casefold() if words else "list"), " ".join(words[1:])
    if verb not in VERBS:
        hint = did_you_mean(verb, VERBS)
        return PairAnswer(ok=False, text=f"There is no `pair {verb}`{hint}: {USAGE}.")
    if verb == "list":
        return await _list(store, agent_id)
    if not rest:
        return PairAnswer(ok=False, text=f"Whom? {USAGE}.")
    if verb == "revoke":
        return await _revoke(store, rest, by=by, agent_id=agent_id)
    return await _decide(store, rest, approve=verb == "approve", by=by, agent_id=agent_id)


async def _list(store: Pairings, agent_id: UUID | None) -> PairAnswer:
    now = utc_now()
    found = [
        each
        for each in await store.pairings(agent_id)
        if each.state is not PairingState.OPEN or each.is_open(now)
    ]
    lines = [line_of(each) for each in found]
    return PairAnswer(ok=True, text="\n".join(lines) or "Nobody has asked to be let in.", pairings=found)


def line_of(pairing: Pairing) -> str:
    """One line of the list."""
    if pairing.state is PairingState.OPEN:
        return f"{pairing.code}  {who(pairing)} asks, until {pairing.expires_at:%Y-%m-%d %H:%M} UTC"
    said = "approved" if pairing.state is PairingState.APPROVED else "turned down"
    at = f" {pairing.decided_at:%Y-%m-%d %H:%M} UTC" if pairing.decided_at else ""
    return f"{said:<8}  {who(pairing)}{at}, by {pairing.decided_by}"


async def _decide(store: Pairings, code: str, *, approve: bool, by: str, agent_id: UUID | None) -> PairAnswer:
    pairing = await store.decide_pairing(
        clean_code(code), approve=approve, by=by, now=utc_now(), agent_id=agent_id
    )
    if pairing is None:
        return PairAnswer(
            ok=False, text="No open request has this code: it may have expired. See `pair list`."
        )
    if (pairing.state is PairingState.APPROVED) is not approve:
        return PairAnswer(ok=False, text=f"{line_of(pairing)}: `pair revoke` it first.", pairings=(pairing,))
    said = "is let in, and is told so" if approve else "is turned down, and is not told"
    return PairAnswer(ok=True, text=f"{who(pairing)} {said}.", pairings=(pairing,))


async def _revoke(store: Pairings, text: str, *, by: str, agent_id: UUID | None) -> PairAnswer:
    now = utc_now()
    found = matching(await store.pairings(agent_id), text)
    if not found:
        return PairAnswer(
            ok=False, text="Nobody of this id was let in or turned down: `pair list` has the ids."
        )
    if len(found) > 1:
        choices = ", ".join(f"{each.account}:{each.user_id}" for each in found)
        return PairAnswer(ok=False, text=f"Several have this id: {choices}.", pairings=found)
    [one] = found
    await store.forget_pairing(one.account, one.user_id, by=by, now=now)
    return PairAnswer(ok=True, text=f"{who(one)} is a stranger again.", pairings=(one,))


def to_dict(pairing: Pairing) -> dict[str, Any]:
    """As JSON values, for `--json`."""
    times = ("asked_at", "expires_at", "decided_at", "told_at")
    told = {name: at.isoformat() if (at := getattr(pairing, name)) else None for name in times}
    names = ("account", "user_id", "name", "agent_id", "entity_id", "code", "decided_by")
    return {**{name: getattr(pairing, name) for name in names}, "state": pairing.state.value, **told}
