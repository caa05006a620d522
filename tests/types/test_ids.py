"""Identifiers: every vector of elizaOS's algorithm (elizaos.md 3.6)."""

import uuid

import pytest

from bot_host.types.ids import create_unique_uuid, is_uuid, new_id, string_to_uuid

ELIZA = "b850bc30-45f8-0041-a00a-83df46d8555d"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("Eliza", ELIZA),
        ("123456789012345678", "c78f346c-2b0d-002c-ba03-794911050a71"),
        (42, "92cfceb3-9d57-0914-ad8b-14d0e37643de"),
        ("42", "92cfceb3-9d57-0914-ad8b-14d0e37643de"),
        ("héllo wörld", "93824064-00f3-05ac-9053-09726326c166"),
        ("slack-user-U012ABCDEF", "48ba2fe8-0fd7-0fc8-b0bf-4047ba434a03"),
        ("", "da39a3ee-5e6b-0b0d-b255-bfef95601890"),
        ("a b!*()'~", "90ebea19-c3cb-0b37-a0ae-f727ba59ed46"),
        ("😀", "3b1cb9c3-73ce-0f5d-95b7-896b3fd16f69"),
        ("B850BC30-45F8-0041-A00A-83DF46D8555D", "B850BC30-45F8-0041-A00A-83DF46D8555D"),
    ],
)
def test_text_to_uuid(target: str | int, expected: str) -> None:
    assert string_to_uuid(target) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("1253563208833433701", "17f1c41a-d2c7-0328-b6ea-99a18cd56b69"),
        ("-1001234567890", "748989b6-305b-04ae-80b5-a70d3851cafa"),
        ("-1001234567890-7", "b48d45ae-0dc2-0ec3-91b4-3312052ed2fa"),
        ("slack-room-C012ABCDEF", "d140f582-316f-05d9-8c4e-aa97672a4d94"),
        ("slack-1700000000.000100", "bc843241-b0f1-0333-b586-aa9714bf95e7"),
        ("17f1c41a-d2c7-0328-b6ea-99a18cd56b69", "d40e95fb-6e16-0a3b-a739-fcd99d173b90"),
        (ELIZA, ELIZA),
    ],
)
def test_unique_per_agent(base: str, expected: str) -> None:
    assert create_unique_uuid(ELIZA, base) == expected


def test_two_agents_see_different_ids() -> None:
    assert create_unique_uuid(string_to_uuid("A"), "1") != create_unique_uuid(string_to_uuid("B"), "1")


def test_lone_surrogates_are_read_as_the_replacement_character() -> None:
    assert string_to_uuid("a\ud800b") == string_to_uuid("a\ufffdb")
    assert string_to_uuid("\ud83d\ude00") == string_to_uuid("😀")


def test_the_version_nibble_is_zero_and_the_variant_is_rfc_4122() -> None:
    made = uuid.UUID(string_to_uuid("anything"))
    assert made.version == 0 or made.hex[12] == "0"
    assert made.variant == uuid.RFC_4122


def test_what_is_a_uuid() -> None:
    assert is_uuid(ELIZA)
    assert is_uuid(new_id())
    assert new_id() != new_id()
    for wrong in ("", ELIZA + "0", ELIZA.replace("-", ""), f" {ELIZA}", f"{ELIZA}\n", "{" + ELIZA + "}"):
        assert not is_uuid(wrong)
