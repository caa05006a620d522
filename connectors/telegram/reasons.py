"""Why a message of Telegram is not answered, beyond the reasons that all platforms have."""

from typing import Final

LINKED: Final = "automatic forward"
POST: Final = "channel post"
ANONYMOUS: Final = "anonymous administrator"
CHANNEL: Final = "message of a channel"
TO_CHANNEL: Final = "direct message to a channel"
MEANINGS: Final = {
    TO_CHANNEL: (
        "somebody wrote to a channel's owners, by way of the channel; the bot does not answer for them",
        "write to the bot itself",
    ),
    "unknown button": ("somebody pressed a button that is none of the agent's (any more)", ""),
    "choice switched": ("one of several things to choose was switched on or off; Done says them", ""),
    LINKED: (
        "it is a post of the linked channel, which Telegram forwards into its discussion group",
        'linked_posts = "answer" answers each of them, "note" only remembers them',
    ),
    POST: (
        "in channels posts are answered as channel_posts says: by default those that mention the agent",
        'mention the agent, or set channel_posts = "answer"',
    ),
    ANONYMOUS: (
        "an administrator wrote in the group's name, and anonymous_admins says to ignore that",
        'anonymous_admins = "answer", or write as yourself',
    ),
    CHANNEL: (
        "somebody wrote in the name of a channel of theirs, and channel_senders says to ignore that",
        'channel_senders = "answer", or write as yourself',
    ),
}
"""What each reason means, and the way out."""
