"""Templates in elizaOS's syntax, and the answers that they ask for."""

from typing import Any

import pytest

from bot_host.kit.templates import compose_prompt, parse_key_value_xml

VALUES = {
    "agent_name": "Eliza",
    "quiet": False,
    "people": [{"name": "Ada"}, {"name": "Bob"}],
    "words": ["a", "b"],
    "evil": "{{agent_name}}",
    "world": {"name": "Home"},
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("I am {{agentName}}, {{{agent_name}}}.", "I am Eliza, Eliza."),
        ("{{ agent_name }}{{unknown}}!", "Eliza!"),
        ("{{evil}}", "{{agent_name}}"),
        ("{{world.name}} {{words}}", "Home a, b"),
        ("{{#if quiet}}hush{{else}}talk{{/if}}", "talk"),
        ("{{#unless quiet}}talk{{/unless}}", "talk"),
        ("{{#if words}}{{#if quiet}}x{{else}}y{{/if}}{{else}}z{{/if}}", "y"),
        ("{{#each people}}<{{name}} of {{agent_name}}>{{/each}}", "<Ada of Eliza><Bob of Eliza>"),
        ("{{#each words}}{{this}}.{{/each}}", "a.b."),
        ("{{#if words}}never closed", "{{#if words}}never closed"),
        ("plain { braces } {{", "plain { braces } {{"),
    ],
)
def test_templates(template: str, filled: str) -> None:
    assert compose_prompt(template, VALUES) == filled


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("<response><text>Hi &amp; bye</text></response>", {"text": "Hi & bye"}),
        ("so: <response><actions>A, B</actions></response> done", {"actions": ["A", "B"]}),
        (
            "<response><actions><action>A</action><action>B</action></actions></response>",
            {"actions": ["A", "B"]},
        ),
        ("<response><actions></actions><simple>true</simple></response>", {"actions": [], "simple": True}),
        ("<think>a <b>plan</b></think><answer><name>x</name></answer>", {"name": "x"}),
        ("<response><a>1</a><a>2</a></response>", {"a": "2"}),
        ("<response><a>x<a>y</a></a></response>", {"a": "x<a>y</a>"}),
        ("<response><open><text>still</text></response>", {"text": "still"}),
        ("no elements, 1 < 2", None),
        ("<response>", None),
    ],
)
def test_answers(text: str, values: dict[str, Any] | None) -> None:
    assert parse_key_value_xml(text) == values


def test_a_runaway_answer_ends() -> None:
    assert parse_key_value_xml("<a>" * 20_000) is None
