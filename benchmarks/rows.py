"""The table of what the engine must reach."""

from __future__ import annotations

from benchmarks import budget, crash, documents, limits, memory, planning, resume, speed
from benchmarks.findings import Row

ROWS = (
    Row(
        "short_calls",
        "1,000 items, 200 ms, 50 slots, first call to last",
        "no slower than the hand-written reference (ratio ≥ 0.97) while durable and accounted",
        speed.short_calls,
        "curator 0.57 of the ideal, DataDesigner 0.63, inspect_ai 0.46",
    ),
    Row(
        "uneven_calls",
        "1,000 items, 2 s lognormal, 50 slots",
        "≥ 99 % of the work-conserving ideal",
        speed.uneven_calls,
    ),
    Row(
        "many_slots",
        "10,000 items, 500 ms, 200 slots",
        "≥ 90 % of the ideal",
        speed.many_slots,
        "curator 83 %, inspect_ai 10 %",
    ),
    Row(
        "phases",
        "300 items, 3 phases, lognormal 1 s, 50 slots, 16 partitions",
        "≥ 95 % of the work-conserving ideal",
        speed.phases,
        "with barriers between phases 60-70 %",
    ),
    Row(
        "documents",
        "120 documents through `document_analysis` (4 phases with models, 2 side by side, 1 judged), 50 slots, 2 s, by "
        "`batch-pipelines run`",
        "≥ 75 % of the lower bound",
        documents.documents,
    ),
    Row(
        "cpu",
        "client CPU per item, with durable commit and full accounting, in `short_calls` and `many_slots`",
        "≤ 1.5 x the reference's, and ≤ 2.5 ms",
        speed.cpu,
        "curator 3.0 ms, inspect_ai 17.7 ms",
    ),
    Row(
        "memory",
        "peak memory, 10,000 items x 3 phases",
        "≤ 300 MB, flat in the number of items from there on",
        memory.memory,
        "curator 298 MB",
    ),
    Row(
        "limit",
        "unknown limit of 600 RPM, 300 items, ceiling of 100 slots",
        "≥ 98 % of the limit; 429s: 0 when headers tell, a handful when they don't",
        limits.limit,
        "curator 92 % with 0; DataDesigner 98 % with 258",
    ),
    Row(
        "kill",
        "kill -9 mid-way, resume (2 phases, 20 slots)",
        "0 lost, repeated ≤ in flight",
        crash.kill,
        "19-22; several repeat everything",
    ),
    Row(
        "budget",
        "budget worth 100 calls, 400 items, 50 slots",
        "spent ≤ budget always; ≥ 95 of the 100 calls bought",
        budget.budget,
        "LOTUS bought 400",
    ),
    Row(
        "resume",
        "resume of 10,000 items half done: time to first call",
        "≤ 3 s",
        resume.resume,
    ),
    Row(
        "planning",
        "plan a JSONL file of 1,000,000 lines and create its batch job",
        "memory as for 10,000 lines, within a tenth; ≤ 120 s",
        planning.planning,
    ),
)
