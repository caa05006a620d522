"""The safe fetcher, against servers on loopback, with a look-up of names that the tests decide."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from bot_host.kit.fetch import Fetched, SafeFetcher
from bot_host.types.errors import BotHostError, FetchError
from tests.kit.fetching import SECRET, Names, Site, failure, fetcher, refusal

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as one:
        yield one


# ---- what comes back


async def test_reads_a_page(site: Site) -> None:
    site.page(
        "/a", body="héllo".encode("latin-1"), headers={"Content-Type": "Text/Plain; charset=ISO-8859-1"}
    )
    async with fetcher() as one:
        got = await one.fetch(
            f" http://site.test:{site.port}/a#part\n", headers={"Authorization": "Bearer x"}
        )
    assert (got.status, got.content_type, got.text, got.truncated) == (200, "text/plain", "héllo", False)
    assert got.url == f"http://site.test:{site.port}/a"
    [request] = site.requests
    assert request.headers["Host"] == f"site.test:{site.port}"
    assert request.headers["Authorization"] == "Bearer x"
    assert not {"Cookie", "Referer"} & set(request.headers)
    assert "/a" not in repr(got)


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        (b"\xef\xbb\xbfab", "latin-1", "ab"),
        ("é".encode("utf-16"), "", "é"),
        (b"\xfe\xff\x00e", "", "e"),
        (b"a\xff", "", "a\ufffd"),
        (b"ab", "no-such-charset", "ab"),
        (b"616263", "hex", "616263"),
    ],
)
def test_text_never_fails(body: bytes, charset: str, text: str) -> None:
    assert Fetched(url="", status=200, content_type="", body=body, charset=charset).text == text


async def test_environment_proxies_and_cookies_stay_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    site.page("/b", text="end")
    site.page("/a", status=302, headers={"Location": "/b", "Set-Cookie": "a=1; Path=/"})
    got = await fetcher().fetch(f"http://site.test:{site.port}/a")
    assert got.text == "end"
    assert "Cookie" not in site.requests[1].headers


async def test_errors_of_the_server(site: Site) -> None:
    site.page("/500", status=500, text="trace of the inside")
    site.page("/302", status=302)
    url = f"http://site.test:{site.port}"
    missing = await failure(fetcher().fetch(f"{url}/{SECRET}"))
    assert (missing.status, missing.retryable) == (404, False)
    broken = await failure(fetcher().fetch(f"{url}/500"))
    assert (broken.status, broken.retryable) == (500, True)
    assert "inside" not in str(broken)
    nowhere = await failure(fetcher().fetch(f"{url}/302"))
    assert "redirects to nowhere" in str(nowhere)
    assert isinstance(nowhere, FetchError)
    assert isinstance(nowhere, BotHostError)


async def test_nobody_there() -> None:
    server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    error = await failure(fetcher().fetch(f"http://site.test:{port}/{SECRET}"))
    assert str(error) == "no connection to site.test, or it broke"
    assert error.retryable
    unknown = await failure(fetcher().fetch(f"http://nobody.test/{SECRET}"))
    assert str(unknown) == "the host nobody.test cannot be found"
    empty = await failure(fetcher(Names(site_test=[[]])).fetch("http://site.test/"))
    assert "cannot be found" in str(empty)


async def test_closed(site: Site) -> None:
    async with fetcher() as one:
        pass
    await failure(one.fetch(f"http://site.test:{site.port}/"))
    assert not site.requests


# ---- addresses that are refused


@pytest.mark.parametrize(
    "url",
    [
        "",
        "site.test",
        "//site.test/",
        "ftp://site.test/",
        "file:///etc/passwd",
        "gopher://site.test/",
        "data:text/plain,hello",
        "http://",
        "http:///path",
        "http://site.test:0/",
        "http://site.test:70000/",
        "http://user@site.test/",
        "http://user:password@site.test/",
        "http://:password@site.test/",
        "http://site.test\\@other.test/",
        "http://site.test/a b",
        "http://site.test/\r\nX: y",
        "http://site.test\x00.other.test/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://site.test:80:90/",
        "http://site.test/" + "a" * 9000,
    ],
)
async def test_not_an_address_to_read(url: str) -> None:
    names = Names(site_test=[["127.0.0.1"]])
    message = await refusal(fetcher(names).fetch(url))
    assert "password@" not in message
    assert names.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "168.63.129.16",
        "0.0.0.0",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:8.8.8.8]",
        "[fd00:ec2::254]",
        "[64:ff9b::10.0.0.1]",
        "[2002:7f00:1::]",
        "2130706433",
        "134744072",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "127.000.000.001",
        "1.2.3.4.5",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "site.test.0x10",
    ],
)
async def test_addresses_as_hosts(host: str) -> None:
    names = Names()
    names.answers = {host: [["8.8.8.8"]]}
    await refusal(SafeFetcher(resolve=names).fetch(f"http://{host}/{SECRET}"))
    assert names.asked == []


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "10.0.0.1"],
        ["2606:4700::1111", "::1"],
        ["169.254.169.254"],
        ["fe80::1%2"],
        ["not an address"],
    ],
)
async def test_every_address_of_a_name_counts(addresses: list[str]) -> None:
    message = await refusal(SafeFetcher(resolve=Names(site_test=[addresses])).fetch("https://site.test/x"))
    assert message == "site.test is not on the public internet"


async def test_the_system_s_own_look_up() -> None:
    assert "public internet" in await refusal(SafeFetcher().fetch("http://localhost/"))
    await failure(SafeFetcher().fetch("http://" + "a" * 70 + ".test/"))


@pytest.mark.parametrize("url", [None, 5, b"http://site.test/", ["http://site.test/"]])
async def test_what_is_no_text(url: object) -> None:
    assert "an address is a text, not" in await refusal(SafeFetcher().fetch(url))  # type: ignore[arg-type]


async def test_ports() -> None:
    names = Names(site_test=[["127.0.0.1"]])
    for url in ("http://site.test:22/", "https://site.test:8443/", "http://1.1.1.1:22/"):
        assert "is not open to fetching; open: 80 and 443" in await refusal(
            SafeFetcher(resolve=names).fetch(url)
        )
    # An address that is closed on all ports must not read as if another port would do.
    assert "public internet" in await refusal(SafeFetcher(resolve=names).fetch("http://127.0.0.1:8080/"))
    assert names.asked == []
    assert "public internet" in await refusal(
        SafeFetcher(resolve=names, ports={22}).fetch("http://site.test:22/")
    )


async def test_what_code_may_allow(site: Site) -> None:
    site.page("/", text="in")
    names = Names(site_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]], cloud_test=[["169.254.169.254"]])
    url = f"http://SITE.test:{site.port}/"
    for allowed in ({"allow_hosts": [f"site.test:{site.port}"]}, {"allow_hosts": ["Site.Test"]}):
        assert (await fetcher(names, **allowed).fetch(url)).text == "in"
    assert (await fetcher(names, allow_hosts=[], allow_private=True).fetch(url)).text == "in"
    await refusal(fetcher(names, allow_hosts=["site.test:1"]).fetch(url))
    await refusal(fetcher(names, ports={site.port}).fetch(f"http://other.test:{site.port}/"))
    await refusal(fetcher(names, allow_hosts=["cloud.test"], allow_private=True).fetch("http://cloud.test/"))


async def test_a_literal_address_that_is_allowed(site: Site) -> None:
    site.page("/", text="in")
    one = SafeFetcher(allow_hosts=[f"127.0.0.1:{site.port}"], resolve=Names())
    assert (await one.fetch(f"http://127.0.0.1:{site.port}/")).text == "in"


# ---- rebinding and redirects


async def test_the_checked_address_is_the_one_that_is_asked(site: Site) -> None:
    """A name that changes its address after the check: there is no second look-up to change."""
    site.page("/", text="first")
    names = Names(site_test=[["127.0.0.1"], ["169.254.169.254"]])
    got = await fetcher(names).fetch(f"http://site.test:{site.port}/")
    assert got.text == "first"
    assert names.asked == ["site.test"]
    loop = asyncio.get_running_loop()
    looked_up: list[object] = []
    real = loop.getaddrinfo

    async def watched(*args: object, **more: object) -> object:
        looked_up.append(args)
        return await real(*args, **more)  # type: ignore[arg-type]

    loop.getaddrinfo = watched  # type: ignore[method-assign, assignment]
    await fetcher().fetch(f"http://site.test:{site.port}/")
    assert looked_up == []


async def test_redirects_are_followed(site: Site) -> None:
    site.redirect("/1", "2?x=%2F", 301)
    site.redirect("/2", f"//site.test:{site.port}/3", 303)
    site.redirect("/3", "/4", 307)
    site.redirect("/4", f"http://site.test:{site.port}/5", 308)
    site.redirect("/5", "/6")
    site.page("/6", text="end")
    names = Names(site_test=[["127.0.0.1"]])
    got = await fetcher(names).fetch(f"http://site.test:{site.port}/1", headers={"Authorization": "Bearer x"})
    assert (got.text, got.url) == ("end", f"http://site.test:{site.port}/6")
    assert len(names.asked) == 6
    assert all(request.headers["Authorization"] == "Bearer x" for request in site.requests)
    assert {request.method for request in site.requests} == {"GET"}


async def test_too_many_redirects(site: Site) -> None:
    site.redirect("/", "/")
    assert "more than 5 times" in await refusal(fetcher().fetch(f"http://site.test:{site.port}/"))
    assert len(site.requests) == 6


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/inside",
        "http://[::1]:{port}/inside",
        "http://2130706433:{port}/inside",
        "http://inside.test:{port}/inside",
        "http://169.254.169.254/latest/meta-data/",
        "http://user:password@site.test:{port}/inside",
        "file:///etc/passwd",
        "http://site.test:{port}/in side",
        "http://site.test\\@inside.test/",
        "//inside.test:{port}/inside",
    ],
)
async def test_a_redirect_inside_is_refused(site: Site, location: str) -> None:
    site.redirect("/", location.format(port=site.port))
    site.page("/inside", text="the crown jewels")
    names = Names(site_test=[["127.0.0.1"]], inside_test=[["127.0.0.1"]])
    await refusal(fetcher(names, ports={80, site.port}).fetch(f"http://site.test:{site.port}/"))
    assert [request.path for request in site.requests] == ["/"]


async def test_a_name_that_moves_between_two_redirects(site: Site) -> None:
    site.redirect("/", "/again")
    names = Names(site_test=[["127.0.0.1"], ["169.254.169.254"]])
    await refusal(fetcher(names).fetch(f"http://site.test:{site.port}/"))
    assert len(site.requests) == 1


async def test_headers_stay_with_their_host(site: Site) -> None:
    async with Site() as other:
        site.redirect("/", f"http://site.test:{other.port}/")
        other.page("/", text="thanks")
        await fetcher().fetch(f"http://site.test:{site.port}/", headers={"Authorization": "Bearer x"})
        assert "Authorization" in site.requests[0].headers
        assert "Authorization" not in other.requests[0].headers


# ---- types


TYPES = [
    ("image/png", PNG, ["image/*"], True),
    ("Image/PNG; q=1", PNG, ["IMAGE/png"], True),
    ("image/png", b"GIF89a" + bytes(9), ["image/*"], True),
    ("image/png", b"GIF89a" + bytes(9), ["image/png"], False),
    ("image/png", b"<!DOCTYPE html><script>", ["image/*"], False),
    ("image/png", b"just words", ["image/*"], False),
    ("image/png", b"%PDF-1.7", ["image/*"], False),
    ("text/html", PNG, ["image/*"], False),
    ("text/html", b"<html><p>hi", ["text/html"], True),
    ("text/plain", b"<html><p>hi", ["text/plain"], False),
    ("text/html", PNG, ["text/html"], False),
    ("application/json", b"{}", ["application/json"], True),
    ("audio/x-odd", b"\x01\x02\x03\x04", ["audio/*"], True),
    ("application/octet-stream", b"OggS" + bytes(40), ["audio/*"], True),
    ("application/octet-stream", b"words", ["audio/*"], False),
    ("application/octet-stream", b"\x01\x02", ["audio/*"], False),
    ("application/x-sh", b"#!/bin/sh", [], True),
]


@pytest.mark.parametrize(("said", "body", "types", "taken"), TYPES)
async def test_types(site: Site, said: str, body: bytes, types: list[str], *, taken: bool) -> None:
    site.page("/", body=body, headers={"Content-Type": said})
    work = fetcher().fetch(f"http://site.test:{site.port}/", content_types=types)
    if taken:
        assert (await work).body == body
    else:
        await refusal(work)


def test_importing_the_fetcher_loads_no_http_library() -> None:
    code = "import sys, bot_host.kit.fetch; sys.exit('aiohttp' in sys.modules or 'yarl' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
