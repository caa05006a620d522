"""Models that do not just answer in words: objects, embeddings, pictures, sound. Imports the SDK."""

import base64
import logging
import math
from typing import Any, Final

import openai

from bot_host.plugin import (
    Agent,
    ChatMessage,
    EmbeddingBatchRequest,
    EmbeddingRequest,
    FetchError,
    FetchFailed,
    ImageDescriptionRequest,
    ImageRequest,
    ModelError,
    ObjectRequest,
    SpeechRequest,
    TextRequest,
    TranscriptionRequest,
    Usage,
    clean_text,
    note_usage,
    one_line,
    sniff,
)
from bot_host.plugins.openai.client import OpenAIModels
from bot_host.plugins.openai.errors import said
from bot_host.plugins.openai.objects import NotAnObject, instruction, read_object, response_format
from bot_host.plugins.openai.quirks import Quirks

log = logging.getLogger(__name__)

_PICTURE_BYTES: Final = 20 * 1024 * 1024
_PICTURE_S: Final = 30.0
_SHORTER: Final = 4
"""How often a text that is too long to embed is cut in half."""
_SPEECH_CHARACTERS: Final = 4096
"""https://developers.openai.com/api/reference/resources/audio/subresources/speech/methods/create"""
_TITLE: Final = 80
_AUDIO_ENDINGS: Final = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/mp4": "m4a",
    "video/mp4": "mp4",
    "video/webm": "webm",
}
"""What OpenAI takes; it goes by the ending, and Telegram's voice messages end in .oga."""
_DESCRIPTION: Final = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "description": {"type": "string"}},
    "required": ["title", "description"],
    "additionalProperties": False,
}


class Media:
    """The handlers."""

    def __init__(self, models: OpenAIModels) -> None:
        self._models = models
        self._config = models.config

    def _note(self, usage: Any, size: str, *, model: str = "") -> None:
        """Put a call's tokens on the run, by either of the API's names for them; what is missing counts 0."""
        model = model or self._config.name_of(size)
        prompt, completion = (
            next((n for n in (getattr(usage, name, None) for name in names) if isinstance(n, int)), 0)
            for names in (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"))
        )
        cost = self._config.cost(model, prompt, completion) or 0.0
        note_usage(Usage(prompt_tokens=prompt, completion_tokens=completion, cost=cost), model=model)

    # Objects.

    async def object_small(self, _agent: Agent | None, request: ObjectRequest) -> dict[str, Any]:
        """The handler of OBJECT_SMALL."""
        return await self._object(request, "small")

    async def object_large(self, _agent: Agent | None, request: ObjectRequest) -> dict[str, Any]:
        """The handler of OBJECT_LARGE."""
        return await self._object(request, "large")

    async def _object(self, request: ObjectRequest, size: str) -> dict[str, Any]:
        """Ask once; what does not fit goes back to the model once, with what is wrong."""

        def shape(body: dict[str, Any], quirks: Quirks) -> None:
            wanted = response_format(request.schema, quirks.response_format)
            if wanted is not None:
                body["response_format"] = wanted

        messages: tuple[ChatMessage, ...] = (
            ChatMessage(role="system", content=instruction(request.schema)),
            ChatMessage(role="user", content=request.prompt),
        )
        fault = ""
        for _ in range(2):
            asked = TextRequest(messages=messages, temperature=request.temperature)
            answer = await self._models.generate(asked, size=size, shape=shape)
            note_usage(answer.usage, model=answer.model)
            try:
                return read_object(answer.text, request.schema)
            except NotAnObject as error:
                fault = str(error)
                log.info("%s wrote an object that does not fit: %s", answer.model, fault)
            again = f"That does not fit: {fault}. Answer again, with the JSON object only."
            messages = (
                *messages,
                ChatMessage(role="assistant", content=answer.text),
                ChatMessage(role="user", content=again),
            )
        raise ModelError(
            f"{self._config.name_of(size)} at {self._config.place} wrote no object that fits, twice: "
            f"{one_line(fault, 200)}"
        )

    # Vectors.

    async def embed(self, _agent: Agent | None, request: EmbeddingRequest) -> list[float]:
        """The handler of TEXT_EMBEDDING. A text longer than the model takes is cut at the end."""
        text = clean_text(request.text)
        if not text.strip():
            raise ModelError("a text without words has no embedding")
        for attempt in range(_SHORTER + 1):
            try:
                [vector] = await self._vectors([text], request.model)
                return vector
            except ModelError as error:
                if not self._was_too_long(error) or attempt == _SHORTER:
                    raise
            text = text[: len(text) // 2]
        raise AssertionError("the loop above returns or raises")

    async def embed_many(self, agent: Agent | None, request: EmbeddingBatchRequest) -> list[list[float]]:
        """The handler of TEXT_EMBEDDING_BATCH: one request for all; one for each where one is too long."""
        texts = [clean_text(text) for text in request.texts]
        if not all(text.strip() for text in texts):
            raise ModelError("a text without words has no embedding")
        try:
            return await self._vectors(texts, request.model)
        except ModelError as error:
            if not self._was_too_long(error):
                raise
        return [await self.embed(agent, EmbeddingRequest(text=text, model=request.model)) for text in texts]

    def _was_too_long(self, error: ModelError) -> bool:
        cause = error.__cause__
        return isinstance(cause, openai.BadRequestError) and _is_too_long(said(cause, self._config))

    async def _vectors(self, texts: list[str], model: str) -> list[list[float]]:
        model = model or self._config.name_of("embedding")
        return await self._models.call(self._ask_vectors(texts, model), size="embedding", model=model)

    async def _ask_vectors(self, texts: list[str], model: str) -> list[list[float]]:
        # The library's own default is base64, which Ollama and others answer with plain lists or errors.
        answer = await self._models.client.embeddings.create(
            model=model, input=texts[0] if len(texts) == 1 else texts, encoding_format="float"
        )
        if len(texts) > 1 and sorted(each.index for each in answer.data) != list(range(len(texts))):
            raise ModelError(
                f"{self._config.place} sent {len(answer.data)} embeddings for {len(texts)} texts"
            )
        found = sorted(answer.data, key=lambda each: each.index) if len(texts) > 1 else [answer.data[0]]
        vectors = [[float(number) for number in each.embedding] for each in found]
        if not all(vector and all(map(math.isfinite, vector)) for vector in vectors):
            raise ModelError(f"{self._config.place} sent an embedding without numbers", retryable=True)
        self._note(answer.usage, "embedding", model=model)
        return vectors

    # Pictures.

    async def image(self, _agent: Agent | None, request: ImageRequest) -> list[dict[str, str]]:
        """The handler of IMAGE."""
        found = await self._models.call(self._image(request), size="image")
        if not found:
            raise ModelError(f"{self._config.place} sent no picture", retryable=True)
        return found

    async def _image(self, request: ImageRequest) -> list[dict[str, str]]:
        answer = await self._models.client.images.generate(
            model=self._config.name_of("image"),
            prompt=clean_text(request.prompt),
            n=request.count,
            size=request.size,
        )
        self._note(answer.usage, "image")
        found: list[dict[str, str]] = []
        for picture in answer.data or ():
            if picture.b64_json:
                kind = sniff(base64.b64decode(picture.b64_json[:64]))
                found.append({"url": f"data:{kind};base64,{picture.b64_json}"})
            elif picture.url:
                found.append({"url": picture.url})
        return found

    async def describe(self, agent: Agent, request: ImageDescriptionRequest) -> dict[str, str]:
        """The handler of IMAGE_DESCRIPTION.

        The picture is read here, by the safe fetcher, and sent as data: a model server of one's own would
        fetch whatever address a stranger posts.
        """
        url = await _picture(agent, request.image_url)

        def shape(body: dict[str, Any], quirks: Quirks) -> None:
            body["messages"][-1]["content"] = [
                {"type": "text", "text": body["messages"][-1]["content"]},
                {"type": "image_url", "image_url": {"url": url}},
            ]
            wanted = response_format(_DESCRIPTION, quirks.response_format)
            if wanted is not None:
                body["response_format"] = wanted

        asked = TextRequest(
            messages=(
                ChatMessage(role="system", content=instruction(_DESCRIPTION)),
                ChatMessage(role="user", content=request.prompt),
            )
        )
        answer = await self._models.generate(asked, size="vision", shape=shape)
        note_usage(answer.usage, model=answer.model)
        try:
            found = read_object(answer.text, _DESCRIPTION)
            return {"title": found["title"], "description": found["description"]}
        except NotAnObject:
            # Small models describe well and forget the form.
            return {"title": one_line(answer.text, _TITLE), "description": answer.text.strip()}

    # Sound.

    async def transcribe(self, _agent: Agent | None, request: TranscriptionRequest) -> str:
        """The handler of TRANSCRIPTION."""
        if not request.audio:
            raise ModelError("there is nothing to hear in an empty file")
        return await self._models.call(self._transcribe(request), size="transcription")

    async def _transcribe(self, request: TranscriptionRequest) -> str:
        name = one_line(request.file_name, 100) or "audio.ogg"
        ending = _AUDIO_ENDINGS.get(sniff(request.audio))
        if ending:
            name = f"{name.rpartition('.')[0] or name}.{ending}"
        answer = await self._models.client.audio.transcriptions.create(
            model=self._config.name_of("transcription"), file=(name, request.audio), response_format="json"
        )
        self._note(answer.usage, "transcription")
        return clean_text(answer.text).strip()

    async def speak(self, _agent: Agent | None, request: SpeechRequest) -> bytes:
        """The handler of TEXT_TO_SPEECH. A text of more than 4,096 characters is cut at the end."""
        text = clean_text(request.text).strip()[:_SPEECH_CHARACTERS]
        if not text:
            raise ModelError("there is nothing to say in an empty text")
        return await self._models.call(self._speak(text, request), size="speech")

    async def _speak(self, text: str, request: SpeechRequest) -> bytes:
        formats: Any = request.format
        answer = await self._models.client.audio.speech.create(
            model=self._config.name_of("speech"),
            voice=request.voice or self._config.voice,
            input=text,
            response_format=formats,
        )
        kind = answer.response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not answer.content or kind.startswith("text/") or kind.endswith("json"):
            raise ModelError(f"{self._config.place} sent something else than sound", retryable=True)
        return answer.content


def _is_too_long(text: str) -> bool:
    about = text.lower()
    return any(
        words in about
        for words in ("context length", "maximum input length", "too long", "too large", "tokens")
    )


async def _picture(agent: Agent, url: str) -> str:
    """The picture at an address as a `data:` URL. Raises ModelError when there is something else."""
    if url.lower().startswith("data:"):
        if not url.lower().startswith("data:image/"):
            raise ModelError("that is not a picture")
        return url
    try:
        fetched = await agent.fetch(
            url, content_types=("image/*",), max_bytes=_PICTURE_BYTES, timeout=_PICTURE_S
        )
    except FetchError as error:
        passes = isinstance(error, FetchFailed) and error.retryable
        raise ModelError(f"the picture cannot be read: {error}", retryable=passes) from error
    kind = sniff(fetched.body)
    if not kind.startswith("image/") or kind == "image/svg+xml":
        raise ModelError(f"that is not a picture ({kind})")
    return f"data:{kind};base64,{base64.b64encode(fetched.body).decode()}"
