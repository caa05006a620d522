"""What changes by itself is followed, and nobody is answered anew for it."""

from bot_host.store import Database
from bot_host.types.content import Content
from tests.store.samples import ACCOUNT, make_admission


async def test_what_changes_by_itself_leaves_the_revision(store: Database) -> None:
    admission = make_admission("m1", "[place: 1, 1]")
    await store.admit([admission])
    moved = Content(text="[place: 2, 2]")
    assert await store.apply_quiet_edit(ACCOUNT, admission.event_key, moved, None)
    assert not await store.apply_quiet_edit(ACCOUNT, admission.event_key, moved, None)
    assert not await store.apply_quiet_edit(ACCOUNT, "room/unknown", moved, None)
    memory = await store.find_memory(admission.memory.id)
    assert memory is not None
    assert (memory.content.text, memory.revision) == ("[place: 2, 2]", admission.memory.revision)
