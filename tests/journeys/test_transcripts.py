"""The transcripts in the docs are what the host says."""

from tests.transcripts import PAGE, make_page


async def test_the_page_is_what_the_host_says_today() -> None:
    assert await make_page() == PAGE.read_text(encoding="utf-8")
