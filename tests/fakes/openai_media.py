"""The fake model server's embeddings, pictures and sound.

    fake.media.pictures = "url"              # as other servers do; OpenAI's own models send the bytes
    fake.media.fail(ApiError(...))           # the next request for any of them
    fake.media.heard = "what was said"       # None: the file's name and size
    fake.media.sound = b"..."

https://developers.openai.com/api/reference/resources/images and .../audio
"""

import base64
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Literal

from aiohttp import web

from tests.fakes.openai_wire import ApiError, embedding, vector

if TYPE_CHECKING:
    from tests.fakes.openai import FakeOpenAI

PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel."""
_SOUND_ENDINGS: Final = ("flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm")
_SOUND_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


def error_response(error: ApiError) -> web.Response:
    """An error as it goes over the wire."""
    return web.Response(
        status=error.status, text=error.to_body(), content_type=error.content_type, headers=error.headers
    )


class FakeMedia:
    """The endpoints, and what they answer."""

    def __init__(self, fake: "FakeOpenAI") -> None:
        self._fake = fake
        self._errors: deque[ApiError] = deque()
        self.longest = 30_000
        """Characters that can be embedded at once."""
        self.pictures: Literal["b64_json", "url"] = "b64_json"
        self.heard: str | None = None
        self.sound = b"OggS\x00\x02" + bytes(22) + b"OpusHead"
        self.sound_type: str | None = None
        """None: that of the format which was asked for."""

    def fail(self, error: ApiError, *, times: int = 1) -> None:
        """Queue an error for the next requests."""
        self._errors.extend([error] * times)

    def add_to(self, app: web.Application) -> None:
        """Add the endpoints."""
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_post("/v1/images/generations", self._images)
        app.router.add_post("/v1/audio/transcriptions", self._transcriptions)
        app.router.add_post("/v1/audio/speech", self._speech)

    def _wrong(self, body: dict[str, Any], needed: tuple[str, ...]) -> web.Response | None:
        if self._errors:
            return error_response(self._errors.popleft())
        for name in needed:
            if not body.get(name):
                text = f"Missing required parameter: '{name}'."
                return error_response(ApiError(400, text, "invalid_request_error", param=name))
        if not self._fake.any_model and body["model"] not in self._fake.models:
            text = f"The model `{body['model']}` does not exist or you do not have access to it."
            return error_response(ApiError(404, text, "invalid_request_error", "model_not_found"))
        return None

    async def _embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        wrong = await self._fake.note(request, body) or self._wrong(body, ("model",))
        if wrong is not None:
            return wrong
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not texts or not all(isinstance(text, str) and text for text in texts):
            bad = ApiError(400, "'$.input' is invalid.", "invalid_request_error", param="input")
            return error_response(bad)
        if any(len(text) > self.longest for text in texts):
            text = f"This model's maximum context length is {self.longest} tokens, you requested more."
            return error_response(ApiError(400, text, "invalid_request_error"))
        as_base64 = body.get("encoding_format") == "base64"
        dimensions = int(body.get("dimensions") or self._fake.dimensions)
        data = [embedding(i, vector(t, dimensions), as_base64=as_base64) for i, t in enumerate(texts)]
        count = sum(-(-len(text) // 4) for text in texts)
        usage = {"prompt_tokens": count, "total_tokens": count}
        return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def _images(self, request: web.Request) -> web.Response:
        body = await request.json()
        wrong = await self._fake.note(request, body) or self._wrong(body, ("model", "prompt"))
        if wrong is not None:
            return wrong
        if "response_format" in body:
            text = "Unknown parameter: 'response_format'."
            return error_response(ApiError(400, text, "invalid_request_error", param="response_format"))
        if not re.fullmatch(r"auto|\d+x\d+", str(body.get("size", "auto"))):
            text = f"Invalid size '{body['size']}'."
            return error_response(ApiError(400, text, "invalid_request_error", param="size"))
        one: dict[str, Any] = {"b64_json": base64.b64encode(PIXEL).decode()}
        if self.pictures == "url":
            one = {"url": "https://pictures.test/one.png", "revised_prompt": body["prompt"]}
        usage = {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110}
        return web.json_response({"created": 1, "data": [one] * int(body.get("n") or 1), "usage": usage})

    async def _transcriptions(self, request: web.Request) -> web.Response:
        body: dict[str, Any] = {}
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                body |= {name: value.file.read(), "file_name": value.filename}
            else:
                body[name] = value
        wrong = await self._fake.note(request, body) or self._wrong(body, ("model", "file"))
        if wrong is not None:
            return wrong
        if body["file_name"].rpartition(".")[2] not in _SOUND_ENDINGS:
            text = f"Unrecognized file format. Supported formats: {list(_SOUND_ENDINGS)}"
            return error_response(ApiError(400, text, "invalid_request_error", param="file"))
        text = self.heard if self.heard is not None else f"{body['file_name']}, {len(body['file'])} bytes"
        usage = {"type": "duration", "seconds": 1}
        return web.json_response({"text": text, "usage": usage})

    async def _speech(self, request: web.Request) -> web.Response:
        body = await request.json()
        wrong = await self._fake.note(request, body) or self._wrong(body, ("model", "input", "voice"))
        if wrong is not None:
            return wrong
        if len(body["input"]) > 4096:
            text = "Invalid 'input': string too long. Expected a string with maximum length 4096."
            return error_response(ApiError(400, text, "invalid_request_error", param="input"))
        kind = _SOUND_TYPES.get(body.get("response_format", "mp3"))
        if kind is None:
            text = f"Invalid value: '{body['response_format']}'."
            return error_response(ApiError(400, text, "invalid_request_error", param="response_format"))
        return web.Response(body=self.sound, content_type=self.sound_type or kind)
