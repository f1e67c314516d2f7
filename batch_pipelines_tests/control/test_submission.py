"""From a spec to a batch job, or to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.submission import new_batch_job_id, plan_spec, submit
from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.spec import Spec
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import ProviderName, Settings
from batch_pipelines_tests.control.samples import PLAIN, TIERED, items, pipeline, plan


def _planned(content: dict[str, Any], settings: Settings | None = None, folder: Path = Path()) -> Any:
    spec = Spec.model_validate({"pipeline": "talk", **content})
    return plan_spec(spec, (PLAIN,), settings or Settings(), folder)


def test_paths_of_a_spec_start_at_its_folder(tmp_path: Path) -> None:
    """Wherever the command is run from."""
    tmp_path.joinpath("items.jsonl").write_text('{"id": "a", "topic": "Tea"}')

    assert [item.item_id for item in _planned({"items": {"jsonl": "items.jsonl"}}, folder=tmp_path).items] == ["a"]


def test_the_settings_limit_the_items() -> None:
    """BATCH_PIPELINES_MAX_ITEMS holds (A13)."""
    with pytest.raises(InvalidInput, match="items: 3 is outside 1 to 2"):
        _planned({"items": items(3)}, Settings(max_items=2))


@pytest.mark.parametrize(("provider", "simulated"), [(ProviderName.SIMULATED, True), (ProviderName.ANTHROPIC, False)])
def test_a_plan_says_whether_a_simulation_will_answer(provider: ProviderName, simulated: bool) -> None:
    """By the provider that is set."""
    assert _planned({"items": items(1)}, Settings(provider=provider)).simulated is simulated


def test_an_unknown_pipeline_is_refused() -> None:
    """Before its items are looked at."""
    with pytest.raises(UnknownName, match="pipeline: 'chat' is not known; use one of: talk"):
        _planned({"pipeline": "chat", "items": []})


def test_an_item_without_a_parameter_that_the_prompt_needs_is_named() -> None:
    """Found by rendering, before a cent is spent."""
    with pytest.raises(InvalidInput) as refused:
        _planned({"items": [*items(1), {"id": "poor"}]})

    assert refused.value.value == "poor"
    assert "'topic'" in str(refused.value)
    assert str(refused.value).endswith("give the item that parameter, or set it in shared_parameters")


def test_shared_parameters_fill_in_what_the_prompt_needs() -> None:
    """They count as the item's (B6)."""
    assert _planned({"items": [{"id": "poor"}], "shared_parameters": {"topic": "Tea"}}).items


def test_a_submitted_plan_is_a_pending_job_with_all_its_items(sqlite_ledger: Ledger) -> None:
    """Nothing was spent, and nothing will be until a run begins (A1)."""
    job = submit(plan({"name": "Mine", "tags": {"for": "tests"}}), sqlite_ledger)

    assert (job.status, job.total_items, job.name, job.tags) == (JobStatus.PENDING, 3, "Mine", {"for": "tests"})
    assert sqlite_ledger.progress(job.id).pending == 3
    assert [item.tier for item in sqlite_ledger.results(job.id)] == ["template", "scenario", "edge_case"]
    assert job.pipeline == TIERED


def test_ids_are_short_and_never_the_same() -> None:
    """Short enough to type."""
    ids = {new_batch_job_id() for _ in range(1_000)}

    assert len(ids) == 1_000
    assert {len(batch_job_id) for batch_job_id in ids} == {15}


def test_only_the_first_phase_is_tried() -> None:
    """What a later phase needs of an earlier one is not there yet."""
    assert plan_spec(Spec(pipeline="talk", items=items(1)), (pipeline(phases=2),), Settings(), Path()).items
