"""Floor 5: one message, step by step. `journey.py` is the list of steps."""

from bot_host.pipeline.commands import find_use
from bot_host.pipeline.compose import history_wanted
from bot_host.pipeline.gate import DIRECT, STOP_WORD, ends_turn
from bot_host.pipeline.journey import TurnEnd, give_up, handle_turn

__all__ = [
    "DIRECT",
    "STOP_WORD",
    "TurnEnd",
    "ends_turn",
    "find_use",
    "give_up",
    "handle_turn",
    "history_wanted",
]
