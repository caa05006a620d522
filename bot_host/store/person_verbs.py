"""The store's verbs about who is who: strangers who are let in, accounts that are one person's."""

from bot_host.store.link_verbs import LinkVerbs
from bot_host.store.pairing_verbs import PairingVerbs


class PersonVerbs(PairingVerbs, LinkVerbs):
    """`bot_host.contracts.pairing.Pairings` and `bot_host.contracts.links.Links`."""
