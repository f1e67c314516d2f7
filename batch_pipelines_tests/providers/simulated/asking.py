"""Requests to the simulation as values, without HTTP, and texts to ask about."""

from __future__ import annotations

import json
from typing import Any

from batch_pipelines.providers.output_schema import output_config
from batch_pipelines.providers.simulated.answers import answer_text
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.request import MessageRequest, read_request
from batch_pipelines.quality.marking import marked

STORY = (
    "Down the Well\n\n"
    "“What a curious well,” said Alice, and looked at the White Rabbit. She had never been in London before.\n\n"
    "The White Rabbit said nothing. He went to London twice a year, and thought of the Duchess on the way. "
    "Nobody knew why. Alice asked the Duchess about the rabbit, the well and the lighthouse in London.\n\n"
    "The lighthouse was old, and the rabbit was late."
)
"""Three people or animals, one place, a title."""


def message_request(
    prompt: str, *, model: str = "claude-sonnet-5-5", schema: dict[str, Any] | None = None, system: str | None = None
) -> MessageRequest:
    """A request as the server reads it; `schema` goes through the SDK's transform, as in the adapter."""
    body: dict[str, Any] = {"model": model, "max_tokens": 8000, "messages": [{"role": "user", "content": prompt}]}
    if system is not None:
        body["system"] = system
    if schema is not None:
        body["output_config"] = output_config(schema)
    return read_request(json.dumps(body).encode())


def task_prompt(task_type: str, text: str = STORY, instructions: str = "Do it.") -> str:
    """A prompt as the task types write theirs."""
    return f"Task type: {task_type}\n{instructions}\n\n{marked(text, 'text')}"


def answer(prompt: str, *, seed: int = 1, **fields: Any) -> str:
    """The text that answers a prompt."""
    return answer_text(message_request(prompt, **fields), SimulatedConfig(seed=seed))


def filled(schema: dict[str, Any], text: str = STORY, **fields: Any) -> Any:
    """What answers a request for JSON, read."""
    return json.loads(answer(task_prompt("annotation", text), schema=schema, **fields))
