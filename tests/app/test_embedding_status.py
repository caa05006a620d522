"""What `status` says of an agent's vectors."""

from dataclasses import asdict

import pytest

from bot_host.app.embedding_status import embedding_lines
from bot_host.types.vectors import EmbeddingQueue, EmbeddingStatus

CASES: dict[str, tuple[EmbeddingStatus | None, list[str]]] = {
    "not known": (None, []),
    "no model and no vectors": (EmbeddingStatus(), []),
    "a model, and nothing yet": (EmbeddingStatus(provider="openai"), ["none yet; none waits"]),
    "all well": (
        EmbeddingStatus(model="small", dimensions=3, provider="openai", queue=EmbeddingQueue(waiting=2)),
        ["by small, 3 numbers; 2 wait"],
    ),
    "a change": (
        EmbeddingStatus(model="a", dimensions=3, provider="p", next_model="b", done=4, total=9),
        ["by a, 3 numbers; b takes over: 4 of 9 done; none waits"],
    ),
    "trouble": (
        EmbeddingStatus(
            model="a",
            dimensions=3,
            error="the server\nis down",
            queue=EmbeddingQueue(failed=1, failures=(("7", "refused"),)),
        ),
        [
            "by a, 3 numbers; nobody makes new ones; none waits, 1 failed",
            "at a stand: the server is down",
            "failed: 7: refused",
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str) -> None:
    status, told = CASES[name]
    assert list(embedding_lines(None if status is None else asdict(status))) == told
