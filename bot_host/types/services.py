"""Kinds of services."""

from enum import StrEnum


class ServiceType(StrEnum):
    """elizaOS's names (3.4-03); plugins may have their own. DATABASE is the store itself."""

    DATABASE = "database"
    TRANSCRIPTION = "transcription"
    VIDEO = "video"
    BROWSER = "browser"
    PDF = "pdf"
    REMOTE_FILES = "aws_s3"
    WEB_SEARCH = "web_search"
    EMAIL = "email"
    TEE = "tee"
    TASK = "task"
    WALLET = "wallet"
    LP_POOL = "lp_pool"
    TOKEN_DATA = "token_data"
    MESSAGE_SERVICE = "message_service"
    MESSAGE = "message"
    POST = "post"
    UNKNOWN = "unknown"
