"""A pipeline to start from: what `batch-pipelines new` and `dg scaffold defs` write into a new folder."""

from __future__ import annotations

import re

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import NAME_PATTERN

_DEFS = """\
type: batch_pipelines.BatchPipeline
attributes:
  name: @NAME@
  description: Sums up notes and says what each is about.
  sample_items: sample_items.jsonl # what runs when a launch brings no items: a JSON object a line, each with an `id`
  budget: {max_cost_usd: 5} # where a spec names none: no more is spent, and an estimate over it does not start
  phases:
    - name: summarise
      task_type: summarization # decides model and system prompt, and whatever else is not said here
      prompt: {file: prompts/summarise.jinja} # or the text itself; `item` has the fields of an item
      max_tokens: 400
    - name: categorise # after the phase above, whose output is `phases.summarise`
      task_type: categorization
      prompt: |
        Which of these is the note about: work, home, health or leisure? Summary of the note:
        {{ phases.summarise }}
      output_schema: # the model is held to it, and its answer is checked
        type: object
        properties: {category: {enum: [work, home, health, leisure]}, reason: {type: string}}
        required: [category, reason]
        additionalProperties: false
      validation: {min_score: 6, retries: 1} # a judge scores from 1 to 10; its reasons go into the next try
  # schedule: {cron: "0 2 * * *", timezone: Europe/Berlin} # runs the sample every night, once it is turned on
"""

_PROMPT = """\
Sum up this note in one sentence, and keep its names and dates:

{{ item.text }}
"""

_ITEMS = """\
{"id": "note_1", "text": "The gas boiler was serviced on Monday. Its pressure valve leaks and is replaced next week."}
{"id": "note_2", "text": "Ten kilometres along the river with Ana, in under an hour. The left knee is fine again."}
{"id": "note_3", "text": "The quarterly report is due on the 14th; figures of the Lisbon office are missing."}
"""


def scaffold_files(name: str) -> dict[str, str]:
    """The files of a new pipeline of this name, by path in its folder; it loads and runs as it stands.

    Raises InvalidInput for a name that no pipeline can have.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        remedy = "use lower-case letters, digits and underscores, a letter first, at most 63"
        raise InvalidInput("name", name, "cannot name a pipeline", remedy)
    return {
        "defs.yaml": _DEFS.replace("@NAME@", name),
        "prompts/summarise.jinja": _PROMPT,
        "sample_items.jsonl": _ITEMS,
    }
