"""Characters as text, and what a change leaves as it stands in the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot_host.config.character_text import BACKUPS, Kind, to_text, values_of, write_character
from bot_host.config.characters import load_character, read_character
from bot_host.types.character import Character
from bot_host.types.errors import CharacterError
from bot_host.types.ids import string_to_uuid
from tests.config.test_characters import ELIZAOS, SHIPPED

ELIZA = SHIPPED / "eliza.toml"
HARD = Character(
    name='A "quoted" name',
    system="Line one\n\n\tline \\ three \"\"\" and ''' end\n",
    bio=["multi\nline", "", " # no comment", "é 🙂"],
    settings={"nothing": None, "list": [1, None, {"a": [True]}], "deep.er key": {"x": 1.5}},
    secrets={"A B": "x", "N": 3},
    knowledge=["fact", {"path": "a.md", "shared": True}],
)


@pytest.mark.parametrize("kind", ["toml", "json"])
@pytest.mark.parametrize("character", [Character.model_validate(ELIZAOS), HARD, Character(name="x")])
def test_what_is_written_is_read_back(character: Character, kind: Kind) -> None:
    back = read_character(to_text(character, kind), kind=kind, name="it")
    wanted = json.loads(json.dumps(values_of(character)))
    if kind == "toml" and "nothing" in character.settings:
        del wanted["settings"]["nothing"]
        wanted["settings"]["list"].remove(None)
    assert values_of(back) == wanted


def test_an_unchanged_character_is_the_same_file() -> None:
    text = ELIZA.read_text()
    assert to_text(load_character(ELIZA), "toml", base=text) == text


def test_a_change_keeps_comments_and_all_else_as_it_stands() -> None:
    text = ELIZA.read_text()
    character = load_character(ELIZA).model_copy(update={"system": "Be brief.", "username": "eliza"})
    new = to_text(character, "toml", base=text)
    assert values_of(read_character(new, kind="toml", name="it")) == values_of(character)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in new.splitlines() if line.startswith("#")
    ]
    assert 'system = "Be brief."\n' in new
    assert "    [\n        { name" in new


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ('name = "A"\nlore = ["old"]\nbio = "new"\n', {"bio": ["other"]}),
        ('name = "A"\npostExamples = ["p"]\n', {"post_examples": ["q"]}),
        ('name = "A"\npostExamples = ["p"]\n', {"post_examples": []}),
        (
            'name = "A"\n[settings]\na = 1\nb = 2\n[settings.c]\nd = 3\n',
            {"settings": {"a": 5, "c": {"e": 1}}},
        ),
        ('name = "A"\n[style]\nall = ["x"]\n', {"settings": {"n": 1}, "topics": ["t"]}),
        ('name = "A"\n[secrets]\nK = "k"\n', {"secrets": {}}),
        ("not toml at all", {"topics": ["t"]}),
    ],
)
def test_any_change_is_written(text: str, changes: dict[str, Any]) -> None:
    try:
        before = read_character(text, kind="toml", name="it")
    except CharacterError:
        before = Character(name="A")
    after = Character.model_validate({**before.model_dump(), **changes})
    assert read_character(to_text(after, "toml", base=text), kind="toml", name="it") == after


def test_an_id_that_comes_from_the_name_is_not_told() -> None:
    assert values_of(Character(name="A", id=string_to_uuid("A"))) == {"name": "A"}
    assert values_of(Character(name="B", id=string_to_uuid("A")))["id"] == string_to_uuid("A")


def test_a_file_is_written_whole_beside_a_copy_and_few_copies_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    other = tmp_path / "a.toml.mine.bak"
    other.write_text("mine")
    assert write_character(path, "one") is None
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    for number in range(BACKUPS + 3):
        backup = write_character(path, f"text {number}")
        assert backup is not None
        assert backup.read_text() == (f"text {number - 1}" if number else "one")
    assert path.stat().st_mode & 0o777 == 0o644
    assert len(list(tmp_path.iterdir())) == BACKUPS + 2
    assert other.read_text() == "mine"


def test_a_file_that_cannot_be_written_says_so_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.toml"
    with pytest.raises(CharacterError, match=r"a\.toml: cannot be written: No such file"):
        write_character(path, "x")
