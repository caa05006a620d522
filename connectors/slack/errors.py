"""What Slack's refusals mean for us, and what an admin can do about them.

Codes by the method pages under https://docs.slack.dev/reference/methods .
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot_host.connector import (
    ConnectorError,
    LoginError,
    RoomClosed,
    SendError,
    SendLater,
    SendRefused,
    SendUnknown,
)

LOGIN_ADVICE: Final[Mapping[str, str]] = {
    "not_authed": "set SLACK_BOT_TOKEN and SLACK_APP_TOKEN",
    "invalid_auth": "copy the token again (bot token: OAuth & Permissions; app token: Basic Information)",
    "account_inactive": "the app was removed or its user deactivated: install the app again",
    "token_revoked": "the token was revoked: install the app again and copy the new token",
    "token_expired": "switch token rotation off for this app, install it again and copy the new token",
    "not_allowed_token_type": "this is the wrong kind of token: SLACK_BOT_TOKEN begins with xoxb-,"
    " SLACK_APP_TOKEN with xapp-",
    "missing_scope": "the app token needs the scope connections:write; make a new one in Basic Information",
    "forbidden_team": "this workspace cannot use Socket Mode, or it is switched off in the app's settings",
    "team_disabled": "the workspace is closed",
    "user_removed_from_team": "the app's user was removed: install the app again",
    "team_access_not_granted": "install the app in this workspace",
    "org_login_required": "the workspace is being moved into an organisation: install the app there",
    "two_factor_setup_required": "set up two-factor authentication for the account",
    "access_denied": "ask the workspace's admins to approve the app",
    "ekm_access_denied": "ask the workspace's admins to approve the app",
    "no_permission": "install the app again with the scopes that `python -m bot_host slack-manifest` prints",
}
"""Refusals of a token that no waiting will mend."""

SEND_ADVICE: Final[Mapping[str, str]] = {
    "channel_not_found": "the conversation is gone, or the bot cannot see it: invite it with /invite",
    "not_in_channel": "invite the bot to the channel with /invite",
    "is_archived": "the channel is archived",
    "missing_scope": "paste what `python -m bot_host slack-manifest` prints into the app, install it again",
    "messages_tab_disabled": "switch the Messages tab on under App Home",
    "restricted_action": "the workspace does not let the bot post here",
    "restricted_action_read_only_channel": "the channel is read-only",
    "restricted_action_thread_locked": "the thread is locked",
    "restricted_action_non_threadable_channel": "the channel has no threads",
    "restricted_action_thread_only_channel": "the channel takes only replies in threads",
    "cannot_reply_to_message": "the message can have no replies, or is gone",
    "user_not_found": "the person is not in this workspace",
    "message_not_found": "the message is gone",
    "cant_update_message": "this message may not be edited",
    "edit_window_closed": "the workspace lets nobody edit messages of this age",
    "cant_delete_message": "this message may not be deleted",
}

CLOSED: Final = frozenset(
    {
        "channel_not_found", "not_in_channel", "is_archived", "messages_tab_disabled", "restricted_action",
        "restricted_action_read_only_channel", "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel", "restricted_action_thread_only_channel",
        "cannot_reply_to_message", "user_not_found",
    }
)  # fmt: skip
"""What refuses a conversation, or thread, and not only this message."""

GONE_MESSAGE: Final = "message_not_found"
MARKUP: Final = frozenset(
    {
        "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "markdown_text_conflict",
        "invalid_attachments",
    }
)  # fmt: skip
METADATA: Final = frozenset(
    {
        "invalid_metadata_format", "invalid_metadata_schema", "metadata_too_large",
        "metadata_must_be_sent_from_app", "invalid_arguments", "invalid_arg_name",
    }
)  # fmt: skip
DRESS: Final = MARKUP | METADATA
"""Refusals of how a message is dressed, not of what it says."""

PASSING: Final = frozenset(
    {
        "ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "team_added_to_org",
        "accesslimited", "request_timeout",
    }
)  # fmt: skip
ABOUT_THE_TOKEN: Final = frozenset(
    {"not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired"}
)
"""What an admin can mend, so that the same call may pass later."""
ABOUT_THE_APP: Final = frozenset(
    {
        "missing_scope", "unknown_method", "not_allowed_token_type", "access_denied", "no_permission",
        "method_deprecated", "deprecated_endpoint", "enterprise_is_restricted", "feature_not_enabled",
    }
)  # fmt: skip
"""Refusals of a method that hold for all calls of it."""
TOKEN_WAIT_S: Final = 60.0
MAYBE: Final = frozenset({"fatal_error", "internal_error"})
"""By the documentation "some aspect of the operation" may have succeeded."""


def code_of(error: SlackApiError) -> str:
    """Slack's error code; `http 503` when the answer was no JSON of Slack's."""
    data = getattr(error.response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return code if isinstance(code, str) else f"http {status_of(error)}"


def status_of(error: SlackApiError) -> int:
    """The HTTP status. The response is slack-sdk's, or aiohttp's own when the body was no JSON."""
    for name in ("status_code", "status"):
        status = getattr(error.response, name, None)
        if isinstance(status, int):
            return status
    return 0


def retry_after_of(error: SlackApiError) -> float | None:
    """Seconds of the Retry-After header, when there is one that can be read."""
    headers: Any = getattr(error.response, "headers", None) or {}
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except ValueError:
                return None
    return None


def is_passing(error: SlackApiError) -> bool:
    """Whether the same call may pass later."""
    code = code_of(error)
    known = code in PASSING or code in MAYBE or code in ABOUT_THE_TOKEN
    return known or status_of(error) >= 500 or code.startswith("http")


def _scope(error: SlackApiError) -> str:
    data = getattr(error.response, "data", None)
    needed = data.get("needed") if isinstance(data, dict) else None
    return f" ({needed})" if isinstance(needed, str) and needed else ""


def login_error(error: Exception, what: str) -> ConnectorError:
    """A failed login, as LoginError when waiting is no use. `what` is `bot token` or `app token`."""
    if isinstance(error, SlackApiError):
        code = code_of(error)
        if code in LOGIN_ADVICE:
            return LoginError(f"Slack refuses the {what}: {code}{_scope(error)}; {LOGIN_ADVICE[code]}")
        return ConnectorError(f"Slack does not answer as it should: {code}")
    return ConnectorError(f"Slack cannot be reached: {fault_of(error)}")


def fault_of(error: BaseException) -> str:
    """A connection's fault in few words, without the address (which may hold a ticket)."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.os_error.strerror or type(error.os_error).__name__})"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"the websocket was refused with status {error.status}"
    return type(error).__name__


def send_error(error: Exception) -> SendError:
    """What a failed call means for the message that it carried."""
    if isinstance(error, SlackApiError):
        return _refusal(error)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return SendLater(f"Slack cannot be reached: {fault_of(error)}", account=True)
    if isinstance(error, aiohttp.ClientError | asyncio.TimeoutError | OSError):
        return SendUnknown(f"Slack did not answer: {fault_of(error)}")
    if isinstance(error, SlackClientError):
        return SendRefused(f"slack-sdk refuses the message: {type(error).__name__}")
    return SendUnknown(f"the call failed: {type(error).__name__}")


def _refusal(error: SlackApiError) -> SendError:
    code, status = code_of(error), status_of(error)
    if status == 429 or code in PASSING:
        limited = status == 429
        return SendLater(f"Slack asks to wait: {code}", after_s=retry_after_of(error), limited=limited)
    if status >= 500 or code in MAYBE:
        return SendUnknown(f"Slack is in trouble: {code}")
    if code.startswith("http"):
        # A success that cannot be read may be one.
        return (SendUnknown if status < 300 else SendLater)(f"not Slack's answer: {code}")
    if code in ABOUT_THE_TOKEN:
        # Nothing is wrong with the message: it waits for the admin to install the app again.
        why = f"Slack refuses the bot token: {code}; {LOGIN_ADVICE[code]}"
        return SendLater(why, after_s=TOKEN_WAIT_S, account=True)
    if code in CLOSED:
        return RoomClosed(f"Slack refuses the conversation: {code}", advice=SEND_ADVICE.get(code, ""))
    advice = SEND_ADVICE.get(code) or LOGIN_ADVICE.get(code) or "see Slack's page on chat.postMessage"
    return SendRefused(f"Slack refuses the message: {code}{_scope(error)}; {advice}")
