"""What an agent may say of what it knows: passages that fit, for those who hear it."""

import logging
import re
import time
from collections.abc import Sequence
from typing import Final, cast

from bot_host.contracts.plugin import Agent
from bot_host.kit.reading.pack import tokens
from bot_host.runtime.base import AgentBase
from bot_host.runtime.config import AgentOptions
from bot_host.runtime.models import Models
from bot_host.types.hearing import Hearing
from bot_host.types.ids import UUID
from bot_host.types.memory import Memory, MemoryType
from bot_host.types.search import SearchHit
from bot_host.types.sources import PATH, KnowledgeSource, Passage, SourceKind

log = logging.getLogger(__name__)

SECONDS: Final = 60.0
"""So long it is remembered what there is: most agents know nothing by documents, and are not asked each time.
A running agent's keeper says at once when it changes."""
ASKED: Final = 2000
"""Characters of a question whose meaning is looked for, as in RELEVANT_MESSAGES."""
CLOSE: Final = 0.35
"""The least cosine of what is found by its meaning alone."""
SHARE: Final = 1 / 3
"""The least share of the question's telling words that is in what is found by its words."""
PAIRS: Final = 0.2
"""The same of pairs of letters, where words are not set apart by blanks."""
LETTERS: Final = 4
"""Words shorter than that tell little: where, how, a, the."""
ALIKE: Final = 5
"""Letters at the beginning in which two forms of a word are alike."""
_WORD: Final = re.compile(r"\w+")
_PLAIN: Final = frozenset(
    _WORD.findall(
        "about after again also been before being between both could does doing down each from have "
        "having here hers into itself just know like make more most much need only other over please "
        "same should some such tell than thank thanks that their them then there these they this "
        "those through under until very want were what when where which while whom will with would "
        "your yours hello aber alle auch bitte dann dass diese doch eine einem einen einer eines gibt "
        "habe haben hast hier ihre ihren kann kannst können mein meine mich nicht noch oder schon "
        "sein seine sich sind unser unsere wann warum was welche welcher welches wenn werden wird "
        "wissen wohl über como cuando donde este esta para porque quien avec dans elle pour quand "
        "quel quelle quels sont vous"
    )
)
"""Words that stand in any question."""


class Knowing(AgentBase):
    """An agent's knowledge, as it is looked up."""

    models: Models
    options: AgentOptions

    _sources: dict[UUID, KnowledgeSource] | None = None
    """By the document that counts; None: not asked yet, or not since it has changed."""
    _asked_at: float = 0.0

    def knowledge_changed(self) -> None:
        """Ask the database again what there is."""
        self._sources = None

    async def _known(self) -> dict[UUID, KnowledgeSource]:
        if self._sources is None or time.monotonic() - self._asked_at > SECONDS:
            self._asked_at = time.monotonic()
            found = await self._store.get_sources(self._agent_id)
            self._sources = {each.document_id: each for each in found if each.document_id is not None}
        return self._sources

    async def has_knowledge(self, world_id: UUID | None) -> bool:
        """Whether anything is known that could be heard in a world, or in private (None)."""
        return any(each.world_id in (None, world_id) for each in (await self._known()).values())

    async def search_knowledge(
        self, room_id: UUID, query: str, *, count: int | None = None, most_tokens: int | None = None
    ) -> list[Passage]:
        """What fits a question, of what all who read along in a room may know; best first.

        As many and as much as `[agents.knowledge]` says, where nothing is given. Costs no query where nothing
        is known.
        """
        known = await self._known()
        wanted = telling(query)
        if not known or not query.strip():
            return []
        hearing = await self._store.hearing_in(self._agent_id, room_id)
        if not any(_may_hear(each, hearing) for each in known.values()):
            return []
        # The same vector as for whatever else is looked for by the message: it is asked for once.
        asked = await cast("Agent", self).query_embedding(query.strip()[:ASKED])
        vector, model = asked if asked is not None else (None, None)
        if not wanted and vector is None:
            return []
        options = self.options.knowledge
        limit = options.results if count is None else count
        hits = await self._store.search_memories(
            self._agent_id,
            text=" ".join(wanted),
            embedding=vector,
            model=model,
            types=[MemoryType.FRAGMENT],
            hearing=hearing,
            threshold=CLOSE,
            count=limit * 3,
        )
        fitting = [hit for hit in hits if hit.memory.source_memory_id in known and _fits(hit, wanted)]
        left = options.tokens if most_tokens is None else most_tokens
        passages: list[Passage] = []
        for hit in fitting[:limit]:
            left -= tokens(hit.memory.content.text)
            if left < 0 and passages:
                break
            passages.append(_passage(hit.memory, known[hit.memory.source_memory_id or ""]))
        return passages


def _may_hear(source: KnowledgeSource, hearing: Hearing) -> bool:
    return source.world_id is None or source.world_id == hearing.world_id


def telling(query: str) -> list[str]:
    """The words of a question that tell what it is about, once each."""
    words = (word.casefold() for word in _WORD.findall(query))
    # Where words are not set apart by blanks, what comes as one is all there is.
    told = [word for word in words if (len(word) >= LETTERS or not word.isascii()) and word not in _PLAIN]
    return list(dict.fromkeys(told))


def _fits(hit: SearchHit, wanted: Sequence[str]) -> bool:
    """Whether it has to do with the question: a search for any of its words finds something always."""
    if hit.vector_similarity is not None and hit.vector_similarity >= CLOSE:
        return True
    if not wanted:
        return False
    text = hit.memory.content.text.casefold()
    there = {word[:ALIKE] for word in _WORD.findall(text)}
    same = sum(word[:ALIKE] in there or (not word.isascii() and word in text) for word in wanted)
    unspaced = not same and any(len(word) > LETTERS and not word.isascii() for word in wanted)
    return same >= SHARE * len(wanted) or (unspaced and (hit.text_similarity or 0) >= PAIRS)


def _passage(memory: Memory, source: KnowledgeSource) -> Passage:
    path = memory.metadata.get(PATH)
    above = tuple(str(each) for each in path) if isinstance(path, list) else ()
    text = memory.content.text
    head = " > ".join(above)
    return Passage(
        id=memory.id,
        title=source.title or "untitled",
        path=above[1:] if above and above[0] == source.title else above,
        url=source.location if source.kind is SourceKind.URL else "",
        text=text[len(head) :].lstrip("\n") if head and text.startswith(head) else text,
    )
