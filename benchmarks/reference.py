"""What an expert writes by hand: the SDK on its aiohttp transport, a semaphore, answers appended to a file."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from anthropic import AsyncAnthropic, DefaultAioHttpClient


async def call_all(url: str, model: str, prompts: list[str], max_tokens: int, slots: int, answers: Path) -> float:
    """Ask for every prompt with at most `slots` calls in flight; returns seconds from first call to last answer."""
    client = AsyncAnthropic(api_key="simulated", base_url=url, max_retries=0, http_client=DefaultAioHttpClient())
    semaphore = asyncio.Semaphore(slots)

    with answers.open("a", encoding="utf-8") as file:

        async def call(number: int, prompt: str) -> None:
            async with semaphore:
                message = await client.messages.create(
                    model=model, max_tokens=max_tokens, messages=[{"role": "user", "content": prompt}]
                )
            text = "".join(block.text for block in message.content if block.type == "text")
            file.write(json.dumps({"item": number, "text": text}) + "\n")

        started = time.perf_counter()
        await asyncio.gather(*(call(number, prompt) for number, prompt in enumerate(prompts)))
        seconds = time.perf_counter() - started
    await client.close()
    return seconds
