"""What people look at, a module for each kind of thing."""

from bot_host.store.views.agents import AgentViews
from bot_host.store.views.attention import AttentionViews
from bot_host.store.views.conversations import ConversationViews
from bot_host.store.views.costs import CostViews
from bot_host.store.views.remembered import RememberedViews
from bot_host.store.views.room_verbs import RoomVerbs
from bot_host.store.views.runs import RunViews


class ViewVerbs(
    ConversationViews,
    AgentViews,
    AttentionViews,
    CostViews,
    RememberedViews,
    RoomVerbs,
    RunViews,
):
    """`bot_host.contracts.views.Views`; see there for what each verb does."""


__all__ = ["ViewVerbs"]
