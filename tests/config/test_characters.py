"""Character files: what loads, and what is said of those that do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot_host.config.characters import SIZE_LIMIT, load_character
from bot_host.types.character import Character
from bot_host.types.errors import CharacterError
from bot_host.types.ids import string_to_uuid

SHIPPED = Path(__file__).parents[2] / "characters"

# A file as elizaOS 1.7 takes it, every field used (elizaos.md 5.7).
ELIZAOS: dict[str, Any] = {
    "id": "b850bc30-45f8-0041-a00a-83df46d8555d",
    "name": "Ada",
    "username": "ada",
    "system": "You are Ada.",
    "bio": ["Wrote the first program.", "Likes engines."],
    "templates": {"shouldRespondTemplate": "TASK: {{agentName}}", "replyTemplate": "Say it."},
    "messageExamples": [
        [
            {"name": "{{name1}}", "content": {"text": "hi"}},
            {"name": "Ada", "content": {"text": "hello", "actions": ["REPLY"], "custom": 1}},
        ]
    ],
    "postExamples": ["A post."],
    "topics": ["engines"],
    "adjectives": ["precise"],
    "style": {"all": ["short"], "chat": ["warm"], "post": ["dry"]},
    "knowledge": ["a fact", {"path": "notes.md", "shared": True}, {"directory": "docs"}],
    "plugins": ["@elizaos/plugin-bootstrap"],
    "settings": {
        "secrets": {"TOKEN": "t0psecret"},
        "avatar": "x",
        "discord": {"allowed": [1, 2]},
        "flag": True,
    },
    "secrets": {"API_KEY": "k3y", "RETRIES": 3, "ON": False},
}


def _json(folder: Path, data: Any) -> Path:
    path = folder / "one.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def _toml(folder: Path, text: str) -> Path:
    path = folder / "one.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _fault(path: Path) -> str:
    with pytest.raises(CharacterError) as caught:
        load_character(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("file", "name"), [("eliza.toml", "Eliza"), ("sage.json", "Sage")])
def test_shipped_characters(file: str, name: str) -> None:
    character = load_character(SHIPPED / file)
    assert character.name == name
    assert character.system
    assert len(character.bio) >= 3
    assert len(character.message_examples) >= 3
    assert character.style.all
    assert character.style.chat


def test_elizaos_file_loads_unchanged(tmp_path: Path) -> None:
    character = load_character(_json(tmp_path, ELIZAOS))
    assert character.model_dump(mode="json", by_alias=True) == ELIZAOS
    assert character.agent_id == ELIZAOS["id"]


def test_a_file_of_elizaos_0_x_loads_with_a_warning_for_each_key_that_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The keys of the characters that come with elizaOS 0.25, in one file."""
    older: dict[str, Any] = {
        "$schema": "https://example.org/character.json",
        "name": "Ada",
        "clients": ["discord"],
        "modelProvider": "openai",
        "clientConfig": {"discord": {"shouldIgnoreBotMessages": True}},
        "settings": {"secrets": {}, "voice": {"model": "en_US-male-medium"}},
        "plugins": [],
        "bio": "Wrote the first program.",
        "lore": ["Knew Babbage.", "Liked horses."],
        "people": ["Mary"],
        "twitterSpaces": {"maxSpeakers": 2},
        "examples": [],
        "knowledge": ["a fact"],
        "messageExamples": [[{"user": "{{user1}}", "content": {"text": "hi"}}]],
        "postExamples": [],
        "adjectives": [],
        "topics": [],
        "style": {"all": [], "chat": [], "post": []},
    }
    character = load_character(_json(tmp_path, older))
    assert character.bio == ["Wrote the first program.", "Knew Babbage.", "Liked horses."]
    warned = [record.getMessage().partition("one.json: ")[2] for record in caplog.records]
    assert [line.split()[0] for line in warned] == [
        "$schema",
        "clients",
        "modelProvider",
        "clientConfig",
        "people",
        "twitterSpaces",
        "examples",
    ]
    assert warned[1] == (
        "clients is ignored: each platform has its table in config.toml: [connectors.discord] and so on"
    )
    assert "[models] of config.toml" in warned[2]
    assert "messageExamples" in warned[6]


def test_lore_alone_is_the_bio(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = 'name = "Ada"\nlore = "Knew Babbage."\nmodel_provider = "openai"'
    assert load_character(_toml(tmp_path, text)).bio == ["Knew Babbage."]
    assert "model_provider is ignored" in caplog.text


def test_smallest_file(tmp_path: Path) -> None:
    character = load_character(_toml(tmp_path, 'name = "Ada"'))
    assert character.agent_id == string_to_uuid("Ada")
    assert load_character(_json(tmp_path, {"name": "Ada"})) == character


def test_snake_case_and_camel_case_are_one(tmp_path: Path) -> None:
    text = """
name = " Ada "
bio = "One text."
{examples} = [
    [{{ user = "{{{{user1}}}}", content = "hi" }}, {{ name = "Ada", content = {{ text = "yes" }} }}],
]
[settings]
born = 1815-12-10
"""
    snake = load_character(_toml(tmp_path, text.format(examples="message_examples")))
    camel = load_character(_toml(tmp_path, text.format(examples="messageExamples")))
    assert snake == camel
    assert snake.name == "Ada"
    assert snake.bio == ["One text."]
    assert snake.message_examples[0][0].name == "{{user1}}"
    assert snake.message_examples[0][0].content == {"text": "hi"}
    assert snake.settings == {"born": "1815-12-10"}


def test_text_is_cleaned(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(b'\xef\xbb\xbf{"name": "Ad\\u0000a", "bio": ["x\\ud800y", "\\ud83d\\ude00"]}')
    character = load_character(path)
    assert character.name == "Ada"
    assert character.bio == ["x\ufffdy", "\U0001f600"]


FAULTS: list[tuple[dict[str, Any], list[str]]] = [
    ({"name": ""}, ["name: expected at least one character", 'found text ""']),
    ({"name": "  "}, ["name: expected one line of visible text"]),
    ({"name": "a\nb"}, ["name: expected one line of visible text"]),
    ({"name": "x" * 1000}, ["name: expected at most 100 characters", "(1000 characters)"]),
    ({"name": 7}, ["name: expected text, found a number 7"]),
    ({"name": None}, ["name: expected text, found nothing (null)"]),
    ({"id": "abc"}, ["id: expected a UUID like", 'found text "abc"']),
    ({"bio": 5}, ["bio: expected text or a list of texts, found a number 5"]),
    ({"bio": ["a", 5]}, ["bio[1]: expected text, found a number 5"]),
    ({"topics": "cats"}, ['topics: expected a list of texts, found text "cats"']),
    ({"topics": [True]}, ["topics[0]: expected text, found true"]),
    ({"style": "short"}, ['style: expected a table, found text "short"']),
    ({"style": {"chat": ["a", {"b": 1}]}}, ["style.chat[1]: expected text, found a table (b)"]),
    ({"style": {"chatt": []}}, ['style.chatt: unknown key (did you mean "chat"?)']),
    ({"messageExamples": [{"name": "x"}]}, ["messageExamples[0]: expected a list of conversations"]),
    ({"messageExamples": [[{"content": {}}]]}, ["messageExamples[0][0].name: missing; expected text"]),
    ({"message_examples": [[{"name": "x"}]]}, ["message_examples[0][0].content: missing; expected a table"]),
    ({"messageExamples": [[{"user": 1, "content": {}}]]}, ["messageExamples[0][0].user: expected text"]),
    (
        {"messageExamples": [[{"name": "x", "content": {"text": 1}}]]},
        ["messageExamples[0][0].content: expected text"],
    ),
    ({"knowledge": [{"file": "x"}]}, ["knowledge[0]: expected text, or a table with path or directory"]),
    ({"templates": {"replyTemplate": 1}}, ["templates.replyTemplate: expected text, found a number 1"]),
    ({"settings": []}, ["settings: expected a table, found a list of 0"]),
    ({"postExample": []}, ['postExample: unknown key (did you mean "postExamples"?)']),
    ({"post_example": []}, ['post_example: unknown key (did you mean "post_examples"?)']),
    ({"topics": [], "wholly_other": 1}, ["wholly_other: unknown key; known are id, name"]),
    ({"lore": [1]}, ["lore: expected text or a list of texts, found a list of 1"]),
    ({"lore": {"a": 1}}, ["lore: expected text or a list of texts, found a table (a)"]),
    ({"lore": ["x"], "bio": 5}, ["bio: expected text or a list of texts, found a number 5"]),
    ({"extends": ["base.json"]}, ["extends: not known any more; copy what is needed"]),
    (
        {"postExamples": [], "post_examples": []},
        ["post_examples: given twice, as post_examples and as postExamples"],
    ),
]


@pytest.mark.parametrize(("change", "says"), FAULTS)
def test_wrong_values(tmp_path: Path, change: dict[str, Any], says: list[str]) -> None:
    text = _fault(_json(tmp_path, {"name": "Ada"} | change))
    for part in says:
        assert part in text
    assert len(text.splitlines()) == 2


def test_known_keys_are_named_as_the_file_writes_them(tmp_path: Path) -> None:
    toml = _fault(_toml(tmp_path, 'name = "Ada"\nwholly = 1\nmessageexamples = []'))
    assert "known are id, name, username, system, bio, templates, message_examples, post_examples" in toml
    assert 'messageexamples: unknown key (did you mean "message_examples"?)' in toml
    json_text = _fault(_json(tmp_path, {"name": "Ada", "wholly": 1}))
    assert "templates, messageExamples, postExamples" in json_text


def test_missing_name(tmp_path: Path) -> None:
    assert "name: missing; expected text" in _fault(_json(tmp_path, {}))
    assert "name: missing; expected text" in _fault(_toml(tmp_path, ""))


def test_all_faults_at_once_one_a_line(tmp_path: Path) -> None:
    text = _fault(_json(tmp_path, {"name": 1, "bio": [1, 2], "lor": [], "adjectves": []}))
    lines = text.splitlines()
    assert len(lines) == 6
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "name",
        "bio[0]",
        "bio[1]",
        "lor",
        "adjectves",
    ]


def test_no_secret_in_a_fault(tmp_path: Path) -> None:
    wrong = {
        "name": "Ada",
        "secrets": {"OPENAI_API_KEY": ["hunter2secret"], "B": {"x": "hunter2secret"}, "C": None},
        "settings": {"secrets": "hunter2secret"},
        "templates": {"api_key": 123456789},
    }
    text = _fault(_json(tmp_path, wrong))
    assert "hunter2secret" not in text
    assert "123456789" not in text
    for key in (
        "secrets.OPENAI_API_KEY: expected text, a number",
        "secrets.B:",
        "templates.api_key",
        "settings",
    ):
        assert key in text
    assert "hunter2secret" not in _fault(_json(tmp_path, {"name": "Ada", "secrets": "hunter2secret"}))


def test_broken_files(tmp_path: Path) -> None:
    broken = tmp_path / "one.json"
    broken.write_text('{"name": "Ada",\n  "bio": oops}')
    assert "broken JSON: Expecting value (at line 2, column 10)" in _fault(broken)
    assert "broken TOML" in _fault(_toml(tmp_path, 'name = "Ada"\nbio = ['))
    assert "at line 2, column" in _fault(_toml(tmp_path, 'name = "Ada"\nbio = what'))
    broken.write_bytes('{"name":\n "Müller"}'.encode("latin-1"))
    assert "is not UTF-8 (line 2, byte 12)" in _fault(broken)
    broken.write_text("[" * 100_000)
    assert "nested too deep" in _fault(broken)
    broken.write_text("[1, 2]")
    assert "expected an object" in _fault(broken)
    broken.write_text("")
    assert "broken JSON" in _fault(broken)
    broken.write_bytes(b" " * (SIZE_LIMIT + 1))
    assert "at most" in _fault(broken)


def test_no_such_file(tmp_path: Path) -> None:
    text = _fault(tmp_path / "none.toml")
    assert "there is no such file" in text
    assert "bot_host init" in text
    (tmp_path / "folder.json").mkdir()
    assert "is a folder" in _fault(tmp_path / "folder.json")
    (tmp_path / "one.yaml").write_text("name: x")
    assert "ends in .toml or .json" in _fault(tmp_path / "one.yaml")


def test_what_people_may_begin_with() -> None:
    examples = [
        [{"name": "{{name1}}", "content": "What can you do?"}, {"name": "Ada", "content": "Much."}],
        [{"name": "Ada", "content": "Hello!"}, {"name": "{{name1}}", "content": "Hi."}],
        [{"name": "{{name1}}", "content": "I am {{name1}}"}],
        [{"name": "{{name1}}", "content": "What can you do?"}],
        [{"name": "{{name1}}", "content": {}}],
        [],
    ]
    character = Character.model_validate({"name": "Ada", "message_examples": examples})
    assert character.openers() == ["What can you do?"]
