"""The folder of files that go out: random names, nothing else, and not for ever."""

import os
import time
from pathlib import Path

import pytest

from bot_host.kit import media_folder
from bot_host.kit.media_folder import KEPT_S, YOUNG_S, MediaFolder


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media")


def age(folder: MediaFolder, name: str, seconds: float) -> None:
    path = folder.path_of(name)
    assert path is not None
    when = time.time() - seconds
    os.utime(path, (when, when))


async def test_what_is_put_in_comes_out_and_only_we_may_read_it(folder: MediaFolder, tmp_path: Path) -> None:
    assert not folder.made
    first, second = [await folder.save(b"one", ending=".PNG"), await folder.save(b"two")]
    assert folder.made
    assert (first[-4:], second[-4:], len(first)) == (".png", ".bin", 36)
    assert [await folder.read(name) for name in (first, second)] == [b"one", b"two"]
    assert (tmp_path / "media").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "media" / first).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("ending", ["../../x", "a/b", "\x00png", "", "p" * 50])
async def test_an_ending_makes_no_path(folder: MediaFolder, tmp_path: Path, ending: str) -> None:
    name = await folder.save(b"x", ending=ending)
    path = folder.path_of(name)
    assert path is not None
    assert path.parent == tmp_path / "media"


@pytest.mark.parametrize(
    "name",
    ["", "..", "../secret.txt", "/etc/passwd", "file:///etc/passwd", "a" * 32, "A" * 32 + ".png", "x.png\n"],
)
async def test_nothing_else_can_be_named(folder: MediaFolder, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    await folder.save(b"x")
    assert folder.path_of(name) is None
    assert await folder.read(name) is None


async def test_links_and_folders_are_not_followed(folder: MediaFolder, tmp_path: Path) -> None:
    await folder.save(b"x")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    link, inner = "a" * 32 + ".txt", "b" * 32 + ".txt"
    (tmp_path / "media" / link).symlink_to(secret)
    (tmp_path / "media" / inner).mkdir()
    assert [await folder.read(name) for name in (link, inner)] == [None, None]
    await folder.sweep(needed=set())
    assert secret.exists()


async def test_a_failed_write_leaves_nothing(folder: MediaFolder, tmp_path: Path) -> None:
    (tmp_path / "media").write_text("a file stands in the way")
    with pytest.raises(OSError, match=r"exists|directory"):
        await folder.save(b"x")
    (tmp_path / "media").unlink()
    with pytest.raises(TypeError):
        await folder.save("no bytes")  # type: ignore[arg-type]
    assert list((tmp_path / "media").iterdir()) == []


async def test_old_files_go_unless_they_are_needed(folder: MediaFolder, tmp_path: Path) -> None:
    assert await folder.sweep(needed=set()) == 0
    old, needed, young = [await folder.save(b"x") for _ in range(3)]
    (tmp_path / "media" / "notes.txt").write_text("somebody's own")
    for name in (old, needed):
        age(folder, name, KEPT_S + 60)
    age(folder, young, KEPT_S - 60)
    assert await folder.sweep(needed={needed}) == 1
    assert [await folder.read(name) for name in (old, needed, young)] == [None, b"x", b"x"]
    assert (tmp_path / "media" / "notes.txt").exists()


async def test_of_too_much_the_oldest_goes(folder: MediaFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_folder, "MOST_BYTES", 25)
    names = [await folder.save(b"x" * 10) for _ in range(4)]
    for number, name in enumerate(names[:3]):
        age(folder, name, YOUNG_S + 100 - number)
    assert await folder.sweep(needed={names[1]}) == 2
    assert [await folder.read(name) is not None for name in names] == [False, True, False, True]


async def test_what_is_named_is_deleted_and_nothing_else(folder: MediaFolder, tmp_path: Path) -> None:
    assert await folder.delete({"0" * 32 + ".bin"}) == 0
    gone, kept = await folder.save(b"one"), await folder.save(b"two")
    beside = tmp_path / "bot.db"
    beside.write_bytes(b"rows")
    assert await folder.delete({gone, "../bot.db", str(beside), ""}) == 1
    assert await folder.read(gone) is None
    assert await folder.read(kept) == b"two"
    assert beside.read_bytes() == b"rows"
