"""The surface for plugins: all that a plugin may import of Bot Host."""

from bot_host.contracts.connector import CheckLine
from bot_host.contracts.plugin import (
    Action,
    ActionCall,
    ActionResult,
    Agent,
    Evaluator,
    ModelHandler,
    Plugin,
    Provider,
    ProviderResult,
    Service,
    State,
)
from bot_host.contracts.store import Store
from bot_host.kit.clean import clean_text, one_line
from bot_host.kit.clock import utc_now
from bot_host.kit.names import did_you_mean, nearest
from bot_host.kit.retry import backoff
from bot_host.types.character import Character, ExampleMessage
from bot_host.types.content import ChannelType, Content, Media, MediaType, MentionContext, MentionType
from bot_host.types.errors import ActionError, BotHostError, ConfigError, ModelError, PluginError
from bot_host.types.ids import UUID, create_unique_uuid, string_to_uuid
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.models import (
    ChatMessage,
    ModelType,
    OnChunk,
    TextRequest,
    TextResult,
    ToolCall,
    ToolSpec,
    Usage,
)
from bot_host.types.places import Entity, Participant, ParticipantState, Role, Room, World

__all__ = [
    "UUID",
    "Action",
    "ActionCall",
    "ActionError",
    "ActionResult",
    "Agent",
    "BotHostError",
    "ChannelType",
    "Character",
    "ChatMessage",
    "CheckLine",
    "ConfigError",
    "Content",
    "Entity",
    "Evaluator",
    "ExampleMessage",
    "Media",
    "MediaType",
    "Memory",
    "MemoryType",
    "MentionContext",
    "MentionType",
    "ModelError",
    "ModelHandler",
    "ModelType",
    "OnChunk",
    "Participant",
    "ParticipantState",
    "Plugin",
    "PluginError",
    "Provider",
    "ProviderResult",
    "Role",
    "Room",
    "Service",
    "State",
    "Store",
    "TextRequest",
    "TextResult",
    "ToolCall",
    "ToolSpec",
    "Usage",
    "World",
    "backoff",
    "clean_text",
    "create_unique_uuid",
    "did_you_mean",
    "nearest",
    "one_line",
    "string_to_uuid",
    "utc_now",
]
