"""The store's verbs about people: strangers who are let in, accounts of one person, how long what is kept,
and what was learned put right."""

from bot_host.store.corrections import CorrectionVerbs
from bot_host.store.link_verbs import LinkVerbs
from bot_host.store.pairing_verbs import PairingVerbs
from bot_host.store.retention_verbs import RetentionVerbs


class PersonVerbs(PairingVerbs, LinkVerbs, RetentionVerbs, CorrectionVerbs):
    """`Pairings`, `Links`, `Retentions` and `Corrections` of `bot_host.contracts`."""
