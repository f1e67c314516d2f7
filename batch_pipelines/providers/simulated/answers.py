"""Who answers a request: by the kind of work that its instructions name, or by what its prompt looks like."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from batch_pipelines.domain.task_types import TaskType
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.drafting import Draft, best_draft, draft_count
from batch_pipelines.providers.simulated.draws import generator
from batch_pipelines.providers.simulated.request import MessageRequest
from batch_pipelines.providers.simulated.shaping.answer import shaped
from batch_pipelines.providers.simulated.tasks import prose
from batch_pipelines.providers.simulated.tasks.categories import categorization
from batch_pipelines.providers.simulated.tasks.cleaning import cleanup, ocr_cleanup
from batch_pipelines.providers.simulated.tasks.code import code
from batch_pipelines.providers.simulated.tasks.conversations import conversation
from batch_pipelines.providers.simulated.tasks.entities import entities
from batch_pipelines.providers.simulated.tasks.judgement import is_judging, judge
from batch_pipelines.providers.simulated.tasks.material import Material
from batch_pipelines.providers.simulated.tasks.summary import opening_summary, summary
from batch_pipelines.providers.simulated.tasks.tagging import xml_tagging
from batch_pipelines.providers.simulated.tasks.translation import translation

Worker = Callable[[Material], Draft]
"""Reads what a request is about, once, and gives what drafts its answers."""

WORKERS: dict[str, Worker] = {
    TaskType.CODE: code,
    TaskType.RESEARCH: prose.research,
    TaskType.CREATIVE: prose.story,
    TaskType.ANALYSIS: prose.analysis,
    TaskType.CHAT: prose.chat,
    TaskType.SUMMARIZATION: summary,
    TaskType.TRANSLATION: translation,
    TaskType.ENTITY_EXTRACTION: entities,
    TaskType.OCR_CLEANUP: ocr_cleanup,
    TaskType.XML_TAGGING: xml_tagging,
    TaskType.TEXT_CLEANUP: cleanup,
    TaskType.CATEGORIZATION: categorization,
    TaskType.CONVERSATION: conversation,
}
"""By task type; another kind of work is another line here."""

SUMMARY = re.compile(r"\bsummar(y|ies|i[sz]e)", re.IGNORECASE)


def answer_text(request: MessageRequest, config: SimulatedConfig) -> str:
    """The text of the answer; equal requests get equal texts from equal seeds."""
    if is_judging(request):
        draft = judge(request, config, generator(config.seed, "opinion", request.input_key))
        return draft(random.Random(0))
    draft = _draft(request)
    source = generator(config.seed, "answer", request.input_key)
    count = draft_count(request.model, has_feedback=request.marked.has_feedback)
    return best_draft(draft, source, count, config.seed)


def _draft(request: MessageRequest) -> Draft:
    material = Material(request)
    if request.output_schema is None:
        return worker_for(request)(material)
    worker = WORKERS.get(request.task_type or "")
    return shaped(request.output_schema, material, worker(material) if worker else None)


def worker_for(request: MessageRequest) -> Worker:
    """Who does the work that is asked for in free text."""
    named = WORKERS.get(request.task_type or "")
    if named is not None:
        return named
    if request.brief.asks_for_conversation:
        return conversation
    if SUMMARY.search(request.text):
        return opening_summary
    return prose.remarks
