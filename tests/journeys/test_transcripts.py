"""The transcripts in the docs are what the host says."""

import pytest

from tests.transcripts import SCRIPTS
from tests.transcripts.stage import make_page


@pytest.mark.parametrize("platform", SCRIPTS)
async def test_the_page_is_what_the_host_says_today(platform: str) -> None:
    script = SCRIPTS[platform]
    assert await make_page(script) == script.page.read_text(encoding="utf-8")
