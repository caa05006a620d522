"""The console's pages as files: open to all, and nothing in them from elsewhere."""

import posixpath
import re

import pytest

from bot_host.web import console
from tests.web.conftest import Site, Sites

ELSEWHERE = re.compile(r"""(?:src|href|url|import|from)\s*[=(\s]\s*["']?(?:https?:)?//""")
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setAttribute\(.on|style="
)


async def test_each_page_is_the_console(site_at: Sites) -> None:
    async with site_at(token="secret token") as site:
        for path in ("/", *(f"/{name}" for name in console.PAGES), "/runs/one-of-them", "/rooms/a/b"):
            async with site.client.get(site.web.url + path) as answer:
                assert answer.status == 200
                assert answer.content_type == "text/html"
                assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
                assert "unsafe" not in answer.headers["Content-Security-Policy"]
                assert "secret token" not in await answer.text()


async def test_files_are_asked_for_again_and_mostly_unchanged(site: Site) -> None:
    address = site.web.url + "/console/js/app.js"
    async with site.client.get(address) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/javascript"
        tag = answer.headers["ETag"]
    async with site.client.get(address, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
        assert await answer.read() == b""
    for nothing in ("/console/", "/console/__init__.py", "/console/js", "/console/js/%2e%2e/__init__.py"):
        assert (await site.get(nothing))[0] == 404


@pytest.mark.parametrize("name", sorted(console._files()))
def test_nothing_comes_from_elsewhere_and_no_text_becomes_markup(name: str) -> None:
    text = console._files()[name].data.decode()
    assert not ELSEWHERE.search(text)
    assert not MARKUP.search(text)


def test_each_file_that_another_one_asks_for_is_there() -> None:
    files = console._files()
    for name, file in files.items():
        folder = name.rpartition("/")[0]
        for there in re.findall(r"""(?:from |import\()["'](\.\.?/[^"']+)["']""", file.data.decode()):
            assert posixpath.normpath(f"{folder}/{there}").lstrip("/") in files, (name, there)
