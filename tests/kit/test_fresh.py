"""Answers that are asked for once in a while."""

from typing import Any

from bot_host.kit.fresh import Fresh


async def test_an_answer_is_kept_for_its_time_and_there_are_not_many() -> None:
    asked: list[str] = []

    def ask(key: str, answer: Any = 1) -> Any:
        async def call() -> Any:
            asked.append(key)
            return answer

        return call

    fresh = Fresh(60.0, kept=2)
    for key in ("a", "a", "b", "a", "c", "b"):
        assert await fresh.get(key, ask(key)) == 1
    # "a" was the oldest when "c" came.
    assert asked == ["a", "b", "c"]
    assert await fresh.get("a", ask("a")) == 1
    assert asked == ["a", "b", "c", "a"]
    for _ in range(2):
        assert await fresh.get("none", ask("none", None)) is None
    assert asked[4:] == ["none", "none"]
    old = Fresh(0.0)
    for _ in range(2):
        await old.get("x", ask("x"))
    assert asked[6:] == ["x", "x"]
