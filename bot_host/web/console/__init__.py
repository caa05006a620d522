"""The console: pages that ask the API. Their files lie here, and nothing is loaded from elsewhere.

The pages themselves hold nothing to hide, so that they are open; what they show comes from the API, which is
not. All text is put into a page as text, never as markup.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER: Final = Path(__file__).parent
PAGES: Final = ("chat", "rooms", "people", "runs", "agents", "memory", "costs", "logs", "settings")
"""Each is an address of its own, and so is what is below it: a link to a run can be pasted."""
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    type: str
    tag: str


@cache
def _files() -> dict[str, _File]:
    """All there are, by path: what is not among them cannot be asked for."""
    found = {}
    for path in FOLDER.rglob("*"):
        if path.suffix in TYPES:
            data = path.read_bytes()
            tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
            found[path.relative_to(FOLDER).as_posix()] = _File(data, TYPES[path.suffix], tag)
    return found


def routes() -> list[Route]:
    """The pages' addresses, and those of what they are made of."""
    pages = [Route("/", _page), *(Route(f"/{name}", _page) for name in PAGES)]
    below = [Route(f"/{name}/{{rest:path}}", _page) for name in PAGES]
    return [*pages, *below, Route("/console/{path:path}", _asset)]


async def _page(request: Request) -> Response:
    return _answer(request, "index.html", **{"Content-Security-Policy": POLICY})


async def _asset(request: Request) -> Response:
    return _answer(request, request.path_params["path"])


def _answer(request: Request, path: str, **headers: str) -> Response:
    file = _files().get(path)
    if file is None:
        raise HTTPException(404)
    # Asked for again each time, and then mostly "not modified": an upgrade shows at once.
    headers |= {"ETag": file.tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    return Response(file.data, headers={**headers, "Content-Type": file.type})
