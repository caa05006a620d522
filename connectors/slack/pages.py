"""What people see in the browser while they install the app. Plain, and a stranger's words are escaped."""

from collections.abc import Mapping
from html import escape
from typing import Final

from bot_host.connector import HttpAnswer

HTML: Final = "text/html; charset=utf-8"
HEADERS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def page(
    title: str, *lines: str, status: int = 200, button: str = "", headers: Mapping[str, str] | None = None
) -> HttpAnswer:
    """A page. `button`: where a link named "Add to Slack" leads."""
    said = "".join(f"<p>{escape(line)}</p>\n" for line in lines)
    link = f'<p><a href="{escape(button, quote=True)}">Add to Slack</a></p>\n' if button else ""
    text = (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title></head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{said}{link}</body>\n</html>\n"
    )
    return HttpAnswer(
        status=status, body=text.encode(), content_type=HTML, headers={**HEADERS, **(headers or {})}
    )


def asked_for(button: str, headers: Mapping[str, str]) -> HttpAnswer:
    """Where an installation begins."""
    return page(
        "Add this bot to a Slack workspace",
        "Slack asks you next which workspace, and shows what the bot may do there.",
        "The bot reads what is written in the channels that it is invited to, and what is written to it.",
        button=button,
        headers=headers,
    )


def installed(name: str) -> HttpAnswer:
    """It worked."""
    return page(
        "Installed",
        f"The bot is in {name or 'your workspace'} now. You may close this page.",
        "Write to it directly, or /invite it to a channel and mention it.",
    )


NO_LINK: Final = page(
    "A link is needed",
    "This bot is added to a workspace with a link that whoever runs it gives out; each is good for one time.",
    "If you run it: python -m bot_host slack-install prints one.",
    status=403,
)
USED: Final = page(
    "This link was used, or is too old",
    "Each link is good for one installation, and for a day. Ask whoever runs the bot for another one.",
    status=403,
)
BAD_STATE: Final = page(
    "That did not begin here",
    "The installation took longer than ten minutes, began in another browser, or at Slack itself.",
    "Open the link that you were given again, in the browser in which you are signed in at Slack.",
    status=400,
)
DENIED: Final = page(
    "Not installed",
    "Slack says that the installation was cancelled. Nothing has changed; the link is still good.",
    "Where a workspace wants its admins to approve apps, ask them, and open the link again afterwards.",
)
NOT_HERE: Final = page(
    "Not for this workspace",
    "Whoever runs this bot has not let it into this workspace. What Slack gave it was handed back.",
    status=403,
)
REFUSED: Final = page(
    "Slack did not take it",
    "Slack refused to finish the installation. Open the link again; if it happens again, tell whoever runs "
    "the bot: their log says why.",
    status=502,
)
NOT_NOW: Final = page(
    "Not now",
    "The bot could not keep what Slack gave it. Please try again in a few minutes; nothing was installed.",
    status=503,
)
OFF: Final = page("Closed", "This bot is not added to further workspaces.", status=403)
