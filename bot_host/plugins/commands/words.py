"""The same in several languages."""

from bot_host.plugin import Localized


def described(de: str, fr: str, es: str) -> dict[str, Localized]:
    """A description in German, French and Spanish. Names stay: people tell each other `/reset`."""
    return {
        "de": Localized(description=de),
        "fr": Localized(description=fr),
        "es": Localized(description=es),
    }
