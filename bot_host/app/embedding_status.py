"""An agent's vectors as `status` tells of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from bot_host.kit.clean import one_line


def embedding_lines(told: Mapping[str, Any] | None) -> Iterator[str]:
    """Of what the host says of an agent: nothing where it has neither vectors nor a model for them."""
    if not told or not (told["provider"] or told["model"]):
        return
    model = f"by {told['model']}, {told['dimensions']} numbers" if told["model"] else "none yet"
    if told["next_model"]:
        model += f"; {told['next_model']} takes over: {told['done']} of {told['total']} done"
    if not told["provider"]:
        model += "; nobody makes new ones"
    queue = told["queue"]
    waits = f"{queue['waiting']} wait" if queue["waiting"] else "none waits"
    yield f"{model}; {waits}" + (f", {queue['failed']} failed" if queue["failed"] else "")
    if told["error"]:
        yield f"at a stand: {one_line(told['error'], 300)}"
    for memory_id, error in queue["failures"]:
        yield f"failed: {memory_id}: {one_line(error, 200)}"
