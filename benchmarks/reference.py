"""What an expert writes by hand: the SDK on its aiohttp transport, a semaphore, answers appended to a file.

A process of its own: `python -m benchmarks.reference TASK`. It does the first phase of a workload.
"""

from __future__ import annotations

import asyncio
import json
import sys

from anthropic import AsyncAnthropic, DefaultAioHttpClient

from benchmarks.clocks import Stopwatch
from benchmarks.workload import MODEL, Measured, Task


async def call_all(task: Task) -> Measured:
    """Ask for every item with at most so many calls in flight as there are slots."""
    client = AsyncAnthropic(api_key="simulated", base_url=task.url, max_retries=0, http_client=DefaultAioHttpClient())
    # The engine proves its provider by the same free call, so neither side's first call pays for warming up.
    await client.models.list(limit=1)
    semaphore = asyncio.Semaphore(task.workload.slots)

    with (task.home / "answers.jsonl").open("a", encoding="utf-8") as file:

        async def call(number: int, prompt: str) -> None:
            async with semaphore:
                message = await client.messages.create(
                    model=MODEL, max_tokens=task.workload.max_tokens, messages=[{"role": "user", "content": prompt}]
                )
            text = "".join(block.text for block in message.content if block.type == "text")
            file.write(json.dumps({"item": number, "text": text}) + "\n")

        watch = Stopwatch()
        await asyncio.gather(*(call(number, prompt) for number, prompt in enumerate(task.workload.prompts())))
        measured = watch.stop()
    await client.close()
    return measured.model_copy(update={"completed_items": task.workload.items})


if __name__ == "__main__":
    print(asyncio.run(call_all(Task.model_validate_json(sys.argv[1]))).model_dump_json())
