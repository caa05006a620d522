"""`/api/v1/files`: what is put on messages of the console, and what agents made."""

import re
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from bot_host.kit.clean import clean_text, one_line
from bot_host.kit.sniff import sniff
from bot_host.types.content import Media
from bot_host.types.ids import new_id
from bot_host.web.errors import ApiError
from bot_host.web.hub import Hub

FILE_BYTES: Final = 25_000_000
SHOWN: Final = re.compile(r"(image/(png|jpeg|gif|webp)|audio/[\w.+-]+|video/[\w.+-]+)")
"""Types that a page may show; all others are only to be saved, since a browser would run some of them."""

Name = Annotated[str, Query(max_length=200, description="What the file is called.")]


def make_router(hub: Hub) -> APIRouter:
    """See the module."""
    router = APIRouter(prefix="/api/v1/files", tags=["files"], dependencies=[Depends(hub.guarded)])

    @router.post("", status_code=201, openapi_extra=_BODY)
    async def put(request: Request, name: Name = "file") -> dict[str, Any]:
        """Keep a file, to be named with a message. It stays for a day, or as long as it is needed."""
        hub.check_taking()
        try:
            data = await request.body()
        except ClientDisconnect:
            raise ApiError(400, "the file ended too early") from None
        if not data:
            raise ApiError(400, "the file is empty")
        title = one_line(clean_text(name), 200) or "file"
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        media = await hub.host.save_media(
            data, Media(id=new_id(), file_name=title, title=title, mime_type=given or None)
        )
        return {"file": media.file, "name": title, "type": media.mime_type, "size": media.size}

    @router.get("/{file}", response_class=Response, responses=_BYTES)
    async def get(file: Annotated[str, Path(max_length=200)], name: Name = "file") -> Response:
        """A file's bytes."""
        data = await hub.host.read_media(file)
        if data is None:
            raise ApiError(404, "there is no such file (any more)")
        kind = sniff(data)
        place = "inline" if SHOWN.fullmatch(kind) else "attachment"
        called = quote(one_line(name, 200) or "file", safe="")
        headers = {
            "Content-Disposition": f"{place}; filename*=UTF-8''{called}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "private, max-age=3600",
        }
        return Response(
            data, headers=headers, media_type=kind if place == "inline" else "application/octet-stream"
        )

    return router


_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/octet-stream", "image/*", "audio/*", "video/*")
        }
    }
}
