"""Which kinds of models the configured server offers. Imports the SDK: load this module in a thread."""

from bot_host.plugin import Agent, DetokenizeRequest, ModelHandler, ModelType, TokenizeRequest
from bot_host.plugins.openai.client import OpenAIModels
from bot_host.plugins.openai.config import OpenAIConfig
from bot_host.plugins.openai.media import Media
from bot_host.plugins.openai.tokens import Tokens, load_tokens

__all__ = ["OpenAIModels", "offers", "open_models"]


def open_models(config: OpenAIConfig) -> tuple[OpenAIModels, dict[ModelType, ModelHandler]]:
    """A server and what it offers. Blocks: reads certificates and vocabularies."""
    tokens = load_tokens()
    models = OpenAIModels(config, tokens)
    return models, offers(models, tokens)


def offers(models: OpenAIModels, tokens: Tokens) -> dict[ModelType, ModelHandler]:
    """The handlers by type. Embeddings, pictures and sound only where a model for them is named."""
    media = Media(models)
    found: dict[ModelType, ModelHandler] = {
        ModelType.TEXT_SMALL: models.text("small"),
        ModelType.TEXT_LARGE: models.text("large"),
        ModelType.TEXT_REASONING_SMALL: models.text("reasoning_small"),
        ModelType.TEXT_REASONING_LARGE: models.text("reasoning_large"),
        # The endpoint for bare completions is gone from most servers; a chat of one message does the same.
        ModelType.TEXT_COMPLETION: models.text("large"),
        ModelType.OBJECT_SMALL: media.object_small,
        ModelType.OBJECT_LARGE: media.object_large,
        ModelType.IMAGE_DESCRIPTION: media.describe,
    }
    named: dict[str, tuple[ModelType, ModelHandler]] = {
        "embedding": (ModelType.TEXT_EMBEDDING, media.embed),
        "image": (ModelType.IMAGE, media.image),
        "transcription": (ModelType.TRANSCRIPTION, media.transcribe),
        "speech": (ModelType.TEXT_TO_SPEECH, media.speak),
    }
    found.update(named[key] for key in named if models.config.name_of(key))
    if ModelType.TEXT_EMBEDDING in found:
        found[ModelType.TEXT_EMBEDDING_BATCH] = media.embed_many

    async def encode(_agent: Agent, request: TokenizeRequest) -> list[int]:
        return tokens.encode(request.text)

    async def decode(_agent: Agent, request: DetokenizeRequest) -> str:
        return tokens.decode(request.tokens)

    return found | {ModelType.TEXT_TOKENIZER_ENCODE: encode, ModelType.TEXT_TOKENIZER_DECODE: decode}
