"""The surface for connectors: all that a connector may import of Bot Host."""

from bot_host.contracts.connector import (
    CheckLine,
    Connector,
    ConnectorConfig,
    ConnectorHost,
    ConnectorSpec,
    ConnectorState,
    ReadBackConnector,
    RepeatingConnector,
    StreamingConnector,
    TextStream,
)
from bot_host.kit.clean import clean_text, one_line
from bot_host.kit.clock import utc_now
from bot_host.kit.fetch import Fetched, SafeFetcher
from bot_host.kit.retry import backoff
from bot_host.kit.sniff import sniff
from bot_host.kit.split import split_markdown
from bot_host.kit.tasks import Supervisor
from bot_host.types.content import ChannelType, Content, Media, MediaType, MentionContext, MentionType
from bot_host.types.errors import (
    ConfigError,
    ConnectorError,
    FetchError,
    FetchFailed,
    FetchRefused,
    LoginError,
    SendError,
    SendLater,
    SendRefused,
    SendUnknown,
    StoreError,
)
from bot_host.types.inbound import (
    Account,
    InboundDelete,
    InboundEdit,
    InboundEvent,
    InboundMessage,
    InboundPlaces,
    Mark,
    PersonRef,
    RecentRoom,
    RoomRef,
    Skipped,
    WorldRef,
)
from bot_host.types.outbound import Payload, Sent, Target

__all__ = [
    "Account",
    "ChannelType",
    "CheckLine",
    "ConfigError",
    "Connector",
    "ConnectorConfig",
    "ConnectorError",
    "ConnectorHost",
    "ConnectorSpec",
    "ConnectorState",
    "Content",
    "FetchError",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "InboundDelete",
    "InboundEdit",
    "InboundEvent",
    "InboundMessage",
    "InboundPlaces",
    "LoginError",
    "Mark",
    "Media",
    "MediaType",
    "MentionContext",
    "MentionType",
    "Payload",
    "PersonRef",
    "ReadBackConnector",
    "RecentRoom",
    "RepeatingConnector",
    "RoomRef",
    "SafeFetcher",
    "SendError",
    "SendLater",
    "SendRefused",
    "SendUnknown",
    "Sent",
    "Skipped",
    "StoreError",
    "StreamingConnector",
    "Supervisor",
    "Target",
    "TextStream",
    "WorldRef",
    "backoff",
    "clean_text",
    "one_line",
    "sniff",
    "split_markdown",
    "utc_now",
]
