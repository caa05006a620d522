"""The model's answer to one text."""

import os

from openai import AsyncOpenAI

client = AsyncOpenAI(api_key=os.environ["OPENAI_API_KEY"], base_url=os.environ["OPENAI_BASE_URL"])


async def answer(text: str) -> str:
    """What the model says to `text`."""
    completion = await client.chat.completions.create(
        model="fake-large",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": text},
        ],
    )
    return completion.choices[0].message.content or ""
