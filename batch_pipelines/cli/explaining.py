"""The command `why`: what became of kept answers."""

from __future__ import annotations

from batch_pipelines.cli.opening import opened_ledger
from batch_pipelines.cli.output import headline, plain, print_json, stdout
from batch_pipelines.control.explaining import ItemExplanation, explain_item


def show_why(batch_job_id: str, item_id: str, phase: str | None, as_json: bool) -> None:
    """Why kept answers were used for an item, or were not."""
    with opened_ledger() as ledger:
        explanation = explain_item(ledger, batch_job_id, item_id, phase)
    if as_json:
        print_json(explanation)
    else:
        _print_explanation(explanation)


def _print_explanation(explanation: ItemExplanation) -> None:
    console = stdout()
    facts = (explanation.batch_job_id, f"answer_cache: {explanation.answer_cache}")
    console.print(headline(explanation.item_id, *facts, simulated=explanation.simulated))
    for phase in explanation.phases:
        console.print(f"phase {plain(phase.phase)}: {plain(phase.explanation)}", soft_wrap=True)
