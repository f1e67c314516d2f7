"""What is said about a pipeline that cannot be used: file, line, field and remedy (B1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.pipelines.catalogue import PIPELINE_FILE, read_pipeline
from batch_pipelines_tests.pipelines.folders import TALK, write_pipeline

CLEAN = "task_type: text_cleanup\n"
ANSWER = "task_type: chat\n"
TEN_MORE = "".join(f"  - {{name: more_{number}, task_type: chat}}\n" for number in range(9))


def added(after: str, line: str, indent: int = 4) -> tuple[str, str]:
    """A change that adds a line after another."""
    return after, f"{after}{' ' * indent}{line}\n"


TOP = "description: A talk.\n"

MISTAKES = [
    # What there is
    (added(ANSWER, "promt: x"), "line 11: phases.1.promt is not a field that there is; did you mean `prompt`?"),
    (added(TOP, "modell: x", 0), "line 5: modell is not a field that there is; did you mean `model`?"),
    (added(TOP, "colour: x", 0), "line 5: colour is not a field that there is; there are budget, default_concurrency"),
    (
        added(CLEAN, "validation: {retrys: 1}"),
        "line 9: phases.0.validation.retrys is not a field that there is; did you",
    ),
    (added(CLEAN, "validation: {checks: [{match: a}]}"), "validation.checks.0.match is not a field that there is; did"),
    (("    task_type: text_cleanup\n", ""), "line 7: phases.0.task_type is missing; add it"),
    # What it is
    (("name: talk", "name: Talk Show"), "line 3: name: 'Talk Show' cannot be a name; use lower-case letters"),
    (("name: talk", "name: 5"), "line 3: name: 5 should be a valid string; put it in quotes"),
    (("name: talk", "name: [talk"), "line 4' is not YAML"),
    (
        ("name: clean", "name: clean\n    name: other"),
        "line 8: name stands there already, in line 7; keep one of the two",
    ),
    (("name: answer", "name: report"), "line 9: phases.1 is not usable (a phase cannot be called report"),
    (added(CLEAN, "max_tokens: many"), "line 9: phases.0.max_tokens: 'many' should be a valid integer"),
    (added(CLEAN, "max_tokens: 0"), "line 9: phases.0.max_tokens: 0 should be greater than 0"),
    (added(CLEAN, "validation: {min_score: 11}"), "line 9: phases.0.validation.min_score: 11 should be less than or"),
    (added(CLEAN, "validation: {when_exhausted: shrug}"), "'shrug' should be 'fail' or 'keep_best'"),
    (added(CLEAN, "validation: yes"), "line 9: phases.0.validation: True should be a valid dictionary"),
    (
        added(CLEAN, "tier_tokens: {easy: {input_tokens: 1, output_tokens: 1}}"),
        "tier_tokens.easy: 'easy' should be 'te",
    ),
    (added(TOP, "budget: {max_cost_usd: -1}", 0), "line 5: budget.max_cost_usd: -1 should be greater than 0"),
    (added(TOP, "default_concurrency: 9\nmax_concurrency: 5", 0), "default_concurrency is over max_concurrency"),
    # How phases fit together
    (
        ("text_cleanup", "text_clean"),
        "line 8: phases.0.task_type: 'text_clean' is no task type; did you mean text_clean",
    ),
    (("text_cleanup", "juggling"), "'juggling' is no task type; there are analysis, categorization, chat, code, "),
    (("name: answer", "name: clean"), "line 9: phases.1.name: 'clean' is the name of phases.0 already; give each"),
    (
        added(ANSWER, "after: [cleen]"),
        "line 11: phases.1.after: 'cleen' is no phase of the pipeline; did you mean clean?",
    ),
    (added(CLEAN, "after: [answer]"), "line 9: phases.0.after goes round in a circle: clean -> answer -> clean"),
    (added(CLEAN, "after: [clean]"), "line 9: phases.0.after goes round in a circle: clean -> clean"),
    (("phases:\n", f"phases:\n{TEN_MORE}"), "line 6: phases has 11 entries; there can be at most 10"),
    ((TALK[TALK.index("phases:") :], "phases: []\n"), "line 6: phases has 0 entries; there can be at least 1"),
    (
        ("phases.clean", "phases.claen"),
        "line 12: phases.1.prompt uses phases.claen, which is no phase; did you mean cl",
    ),
    (
        added(ANSWER, "after: []"),
        "phases.1.prompt uses phases.clean, which is not done by then; let the phase come aft",
    ),
    (added(CLEAN, "retrieval: {vectors_from: embed}"), "vectors_from: 'embed' is no earlier phase that makes vectors"),
    (added(CLEAN, "fields: {a: item.word}"), "line 9: phases.0.fields is of no use: only a record has fields"),
    (("text_cleanup\n", "record\n    prompt: hello\n"), "phases.0.prompt is of no use: a record calls no model"),
    (("text_cleanup\n", "record\n    validation: {min_score: 5}\n"), "validation.min_score asks judges about a record"),
    (added(TOP, "task_types: {juggling: {}}", 0), None),
    (
        ("text_cleanup\n", "juggling\ntask_types: {juggling: {description: Balls.}}\nsomething: x\n"),
        "is not YAML",
    ),
    # Files
    (("prompts/system.jinja", "prompts/lost.jinja"), "prompts/lost.jinja, which does not exist; check the path"),
    (("prompts/system.jinja", "../secret.jinja"), "line 11: phases.1.system_prompt lies outside the pipeline's folder"),
    (("prompts/system.jinja", "/etc/hostname"), "line 11: phases.1.system_prompt lies outside the pipeline's folder"),
    (("prompts/system.jinja", "prompts/link.jinja"), "phases.1.system_prompt lies outside the pipeline's folder"),
    (("prompts/system.jinja", "prompts/bytes"), "which is not UTF-8"),
    (("prompts/system.jinja", "prompts"), "which cannot be read"),
    (("{file: prompts/system.jinja}", "{file: 3}"), "line 11: phases.1.system_prompt should be a valid string"),
    (("sample.jsonl", "lost.jsonl"), "line 5: sample_items: 'lost.jsonl' does not exist; check the path"),
    (("sample.jsonl", "../sample.jsonl"), "lies outside the pipeline's folder; copy the file into that folder"),
    # What is written in another language
    (("item.word", "itm.word"), "line 13: phases.1.prompt uses itm, which is no variable; did you mean `item`?"),
    (("{{ phases.clean }}", "{% if %}"), "line 14: phases.1.prompt is no Jinja template (Expected an expression"),
    (("item.word", "item.word | shout"), "line 13: phases.1.prompt is no Jinja template (No filter named 'shout')"),
    (("prompts/system.jinja", "prompts/bad.jinja"), "prompts/bad.jinja, line 2: phases.1.system_prompt is no Jinja"),
    (("text_cleanup\n", "record\n    fields: {a: 'item.b |'}\n"), "phases.0.fields.a: 'item.b |' is no Jinja template"),
    (("text_cleanup\n", "record\n    fields: {a: 'itm.b'}\n"), "phases.0.fields.a: 'itm.b' uses itm"),
    (added(CLEAN, "retrieval: {query: '{{ x }}'}"), "line 9: phases.0.retrieval.query uses x, which is no variable"),
    (
        added(CLEAN, "validation: {checks: [{matches: '('}]}"),
        "checks.0.matches: '(' is no regular expression (missing )",
    ),
    (added(CLEAN, "validation: {checks: [{lacks: '*'}]}"), "checks.0.lacks: '*' is no regular expression"),
    (
        added(CLEAN, "validation: {checks: [{matches: a, lacks: b}]}"),
        "exactly one rule, but this one has matches, lacks",
    ),
    (added(CLEAN, "output_schema: {type: objct}"), "line 9: phases.0.output_schema is no JSON Schema ('objct' is not"),
    (added(CLEAN, "validation: {checks: [{schema: {required: 1}}]}"), "checks.0.schema is no JSON Schema"),
    (added(CLEAN, "output_schema: {file: prompts/bad.json}"), "bad.json, which is not JSON (Expecting"),
    (added(CLEAN, "output_schema: {file: prompts/bad.jinja}"), "bad.jinja, which is not YAML"),
    (added(CLEAN, "output_schema: {python: 'json:loads'}"), "names json:loads, which is no pydantic model"),
    (added(CLEAN, "validation: {checks: [{python: 'lost.module:f'}]}"), "cannot be imported (ModuleNotFoundError"),
    (added(CLEAN, "validation: {checks: [{python: 'json:lost'}]}"), "cannot be imported (AttributeError"),
    (added(CLEAN, "validation: {checks: [{python: 'sys:path'}]}"), "'sys:path' is nothing that can be called"),
    (
        added(CLEAN, "validation: {checks: [{python: loads}]}"),
        "checks.0.python: 'loads' is no name of code; write `package.module:name`",
    ),
]


@pytest.mark.parametrize(("change", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_a_remedy(
    tmp_path: Path, change: tuple[str, str], words: str | None
) -> None:
    """Whoever writes a pipeline learns which file, line and field to mend, and how (B1)."""
    before, after = change
    assert before in TALK
    folder = write_pipeline(tmp_path / "talk", TALK.replace(before, after, 1))
    folder.joinpath("prompts", "bad.jinja").write_text("{one}\n{% if %}")
    folder.joinpath("prompts", "bad.json").write_text("{nope")
    folder.joinpath("prompts", "bytes").write_bytes(b"\xff\xfe")
    folder.joinpath("prompts", "link.jinja").symlink_to(tmp_path / "secret.jinja")
    for outside in ("secret.jinja", "sample.jsonl"):
        tmp_path.joinpath(outside).write_text("secret")

    if words is None:
        read_pipeline(folder)
        return
    with pytest.raises(InvalidInput) as refused:
        read_pipeline(folder)

    assert words in str(refused.value)
    assert PIPELINE_FILE in str(refused.value) or "prompts/" in str(refused.value)
    assert refused.value.remedy
    assert "secret" not in str(refused.value).replace("secret.jinja", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not hold a component; start with `type: batch_pipelines.BatchPipeline`"),
        ("- a list", "does not hold a component"),
        ("name: talk\nphases: []", "does not hold a component"),
        ("attributes: {}", "line 1: type is missing"),
        ("type: other.Component", "line 1: type: 'other.Component' is no pipeline; write `type: batch_pipelines"),
        ("type: batch_pipelines.BatchPipeline", "line 1: attributes is missing"),
        ("type: batch_pipelines.BatchPipeline\nattribute: {}", "line 2: attribute is not a field that there is; did"),
        ("type: batch_pipelines.BatchPipeline\nattributes: 5", "line 2: attributes: 5 should be a valid dictionary"),
        ("type: batch_pipelines.BatchPipeline\nattributes: {}", "line 2: name is missing"),
    ],
)
def test_a_file_that_holds_no_pipeline_is_named(tmp_path: Path, text: str, words: str) -> None:
    """And what to write around the pipeline."""
    tmp_path.joinpath(PIPELINE_FILE).write_text(text)

    with pytest.raises(InvalidInput) as refused:
        read_pipeline(tmp_path)

    assert words in str(refused.value)


def test_several_last_phases_need_room_for_one_more(tmp_path: Path) -> None:
    """Where ten phases leave none, the author is told what can be done (B3)."""
    phases = "".join(f"  - {{name: side_{number}, task_type: chat, after: []}}\n" for number in range(10))
    folder = write_pipeline(tmp_path, TALK[: TALK.index("phases:")] + f"phases:\n{phases}")

    with pytest.raises(InvalidInput, match="no room for one that joins them; let side_9 come after"):
        read_pipeline(folder)


def test_a_phase_without_any_prompt_or_model_is_refused(tmp_path: Path) -> None:
    """A kind of work of one's own may leave both to its phases (B4)."""
    own = "task_types:\n  juggling: {description: Balls.}\n  pointing: {kind: embedding, prompt: '{{ item.text }}'}\n"
    for task_type, words in (
        ("juggling", "0.prompt is missing, and task type juggling has no"),
        ("pointing", "0.model"),
    ):
        folder = write_pipeline(tmp_path, own + TALK.replace("text_cleanup", task_type))
        with pytest.raises(InvalidInput, match=words):
            read_pipeline(folder)
