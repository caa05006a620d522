"""The library's failures as ModelError, with a sentence that says what to do. No key in any of them.

https://platform.openai.com/docs/guides/error-codes
"""

import re
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

import aiohttp
import openai

from bot_host.plugin import ModelError, nearest, one_line, utc_now
from bot_host.plugins.openai.config import OpenAIConfig
from bot_host.plugins.openai.windows import too_long

_MASKED = re.compile(r"\b(?:sk|pk|key|org|proj)-[\w*.-]{4,}|[\w-]*\*{2,}[\w-]*", re.IGNORECASE)
_TEXT_LIMIT = 300
_LISTED = 12


def scrub(text: str, key: str) -> str:
    """`text` without the key, without its beginning or end, and without anything that looks like one."""
    if len(key) >= 8:
        text = text.replace(key, "***")
        for length in range(len(key) - 1, 5, -1):
            text = text.replace(key[:length], "***").replace(key[-length:], "***")
    return _MASKED.sub("***", text)


def said(error: Exception, config: OpenAIConfig) -> str:
    """What the server said, on one line, safe to show."""
    text = str(error)
    if isinstance(error, openai.APIError):
        message = error.body.get("message") if isinstance(error.body, dict) else error.body
        text = message if isinstance(message, str) and message.strip() else error.message
    if "<html" in text.lower() or "<!doctype" in text.lower():
        return "a web page"
    return one_line(scrub(text, config.api_key), _TEXT_LIMIT)


def to_model_error(error: Exception, config: OpenAIConfig, *, model: str) -> ModelError:
    """The ModelError for anything that a call raised, save 404: that one needs the list of models."""
    if isinstance(error, openai.APIStatusError):
        return _status(error, config, model)
    if isinstance(error, openai.APIConnectionError):
        return _connection(error, config)
    if isinstance(error, openai.APIError):
        # An error object inside a stream that began well.
        return ModelError(f"{config.place} broke off the answer: {said(error, config)}", retryable=True)
    if isinstance(error, ValueError):
        return ModelError(
            f"{config.place} sent an answer that cannot be read ({type(error).__name__}); it may have been "
            "cut off, or base_url in [models.openai] leads to something else than a model server",
            retryable=True,
        )
    return ModelError(
        f"the call to {config.place} failed: {type(error).__name__}: {said(error, config)}", retryable=True
    )


def _status(error: openai.APIStatusError, config: OpenAIConfig, model: str) -> ModelError:
    status, text = error.status_code, said(error, config)
    if status in (401, 403):
        return ModelError(_refused_key(status, text, config))
    if status == 429:
        return _too_many(error, text, config)
    if status in (408, 409) or status >= 500:
        wait = _wait_words(error)
        return ModelError(
            f"{config.place} has trouble (HTTP {status}): {text}{wait}",
            retryable=True,
            after_s=retry_after(error),
            # Not 500: on servers of one's own it may well be this prompt that they fail on.
            outage=status in (502, 503, 504, 529),
        )
    if status in (301, 302, 303, 307, 308):
        return ModelError(
            f"{config.place} sends us elsewhere (HTTP {status}); put the right address into base_url in "
            "[models.openai]"
        )
    return ModelError(f"{config.place} refused the request to {model} (HTTP {status}): {text}")


def prompt_too_long(error: openai.APIStatusError, config: OpenAIConfig, *, model: str) -> ModelError | None:
    """The ModelError for a prompt that does not fit; None: the server refuses for another reason."""
    text = said(error, config)
    found, fits = too_long(error.status_code, error.code or error.type, text, error.body)
    if not found:
        return None
    return ModelError(
        f"the prompt does not fit into {model} at {config.place} (HTTP {error.status_code}): {text}; say how "
        "much does with context_tokens in [models.openai], or use a model that takes more",
        too_long=True,
        context_tokens=fits,
    )


def _refused_key(status: int, text: str, config: OpenAIConfig) -> str:
    what = "refused the key" if status == 401 else "does not allow this key to do that"
    if config.api_key:
        advice = "check OPENAI_API_KEY (api_key in [models.openai])"
    else:
        advice = "it wants a key: set OPENAI_API_KEY (api_key in [models.openai])"
    return f"{config.place} {what} (HTTP {status}): {text}; {advice}"


def _too_many(error: openai.APIStatusError, text: str, config: OpenAIConfig) -> ModelError:
    if "insufficient_quota" in (error.code, error.type) or "billing" in (error.code or ""):
        return ModelError(
            f"the account at {config.place} has no credit left (HTTP 429, insufficient_quota): {text}; "
            "add credit there, or use another key or model"
        )
    return ModelError(
        f"{config.place} says: too many requests (HTTP 429): {text}{_wait_words(error)}",
        retryable=True,
        after_s=retry_after(error),
        outage=True,
    )


def retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds to wait, where the server says so: `retry-after-ms`, or `Retry-After` as seconds or date."""
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, (parsedate_to_datetime(value) - utc_now()).total_seconds())
    except (ValueError, TypeError):
        return None


def _wait_words(error: openai.APIStatusError) -> str:
    seconds = retry_after(error)
    return "" if seconds is None else f"; retry_after {seconds:g} seconds"


def _connection(error: openai.APIConnectionError, config: OpenAIConfig) -> ModelError:
    """Tell a silent server from one that is not there.

    The aiohttp transport maps every ClientConnectionError, a refused connection included, to a time-out,
    so only the innermost cause tells them apart.
    """
    causes = _causes(error)
    inner = causes[-1]
    why = one_line(scrub(str(inner), config.api_key), 160) or type(inner).__name__
    unreachable = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    if any(isinstance(cause, unreachable) for cause in causes):
        return ModelError(
            f"cannot reach {config.place}: {why}; is the server running, and is base_url in [models.openai] "
            "right?",
            retryable=True,
            outage=True,
        )
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return ModelError(
            f"{config.place} was silent for {config.timeout:g} seconds (timeout in [models.openai])",
            retryable=True,
            outage=True,
        )
    return ModelError(f"the connection to {config.place} broke: {why}", retryable=True, outage=True)


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = [error]
    while len(chain) < 10:
        after = chain[-1].__cause__ or chain[-1].__context__
        if after is None:
            break
        chain.append(after)
    return chain


def unknown_model(
    error: openai.NotFoundError, config: OpenAIConfig, *, model: str, size: str, known: Sequence[str]
) -> ModelError:
    """404: the model is not there, or the address is not that of a model server."""
    text = said(error, config)
    setting = f"set models.openai.{size} in config.toml"
    if known:
        near = nearest(model, known)
        shown = ", ".join(sorted(known)[:_LISTED]) + (" …" if len(known) > _LISTED else "")
        hint = f"did you mean {near}? " if near else ""
        return ModelError(
            f"{config.place} does not know the model {model} (HTTP 404): {text}; "
            f"{setting}; {hint}it has: {shown}"
        )
    return ModelError(
        f"{config.place} answers 404 for the model {model}: {text}; {setting}, or mend base_url "
        "(most servers want /v1 at its end)"
    )
