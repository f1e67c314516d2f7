"""Going through the items of a spec: what is refused, what is counted, and what it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.planning import make_plan
from batch_pipelines.control.reading import read_items
from batch_pipelines.domain.errors import InvalidInput, LimitExceeded
from batch_pipelines.domain.job import Plan, PlannedItem
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.routing import Complexity, ItemGroup, Tier
from batch_pipelines.domain.spec import Spec
from batch_pipelines.inputs import repeats
from batch_pipelines_tests.control.samples import PLAIN, TIERED, items, plan

PLAN_AND_TELL = """
import sys
from pathlib import Path
from batch_pipelines.control.planning import make_plan
from batch_pipelines.control.reading import read_items
from batch_pipelines.domain.spec import Spec
from batch_pipelines_tests.control.samples import PLAIN
from benchmarks.clocks import peak_mb

spec = Spec(pipeline="talk", items={"jsonl": sys.argv[1]})
source = read_items(spec, PLAIN, Path(), None, 1_000_000)
plan = make_plan(spec, PLAIN, source, max_items=1_000_000, max_concurrency=50, simulated=True)
print(len(plan.items), sum(1 for _ in plan.items), peak_mb())
"""


def planned(folder: Path, of: Pipeline = PLAIN, most: int = 10_000, tier: str | None = None, **source: Any) -> Plan:
    """The plan of a spec with this source."""
    spec = Spec(pipeline="talk", items=source, tier=tier)
    found = read_items(spec, of, folder, None, most)
    return make_plan(spec, of, found, max_items=most, max_concurrency=50, simulated=True)


def write(path: Path, *rows: Any) -> None:
    """A line for each."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_items_of_a_file_are_planned(tmp_path: Path) -> None:
    """In the order of the file, and as often as they are asked for (F6)."""
    write(tmp_path / "a.jsonl", {"id": 1, "topic": "Tea"}, {"id": "b", "topic": "Milk"})

    made = planned(tmp_path, jsonl="a.jsonl")

    assert [(item.item_id, item.parameters) for item in made.items] == [
        ("1", {"topic": "Tea"}),
        ("b", {"topic": "Milk"}),
    ]
    assert list(made.items) == list(made.items)
    assert made.name == "talk, 2 items"


def test_the_field_that_holds_the_ids_stays_a_parameter(tmp_path: Path) -> None:
    """Unless it is `id`, which is nothing but that; another field of that name is then one too (F6)."""
    write(tmp_path / "a.jsonl", {"isbn": 978, "id": "x", "topic": "Tea"})

    (item,) = planned(tmp_path, jsonl="a.jsonl", id_field="isbn").items

    assert (item.item_id, item.parameters) == ("978", {"isbn": 978, "id": "x", "topic": "Tea"})


@pytest.mark.parametrize(
    ("rows", "fields", "complaint"),
    [
        ([{"id": 1}, {}], {}, "a.jsonl, line 2: id is missing; give every item an id"),
        ([{"id": 1}], {"id_field": "isbn"}, "a.jsonl, line 1: isbn is missing; give every item an id"),
        ([{"id": 1.5}], {}, "a.jsonl, line 1: id: 1.5 is not a text or a whole number"),
        ([{"id": [1]}], {}, "a.jsonl, line 1: id: [1] is not a text or a whole number"),
        (
            [{"id": 1}, {"id": "2"}, {"id": "1"}],
            {},
            "a.jsonl, line 3: id: '1' is the id of line 1 too; give every item",
        ),
        ([{"id": 1, "tier": "odd"}], {}, "a.jsonl, line 1: tier: 'odd' is not known; use one of: template, scenario"),
        ([], {}, "a.jsonl' holds no item; give at least one item"),
        ([{"id": 1}], {"where": {"id": 2}}, "a.jsonl' has no item that `where` lets through; loosen its conditions"),
    ],
)
def test_an_item_that_cannot_be_one_is_named_by_its_line(
    tmp_path: Path, rows: list[Any], fields: dict[str, Any], complaint: str
) -> None:
    """Instead of by its position, which in a file nobody can count (F6)."""
    write(tmp_path / "a.jsonl", *rows)

    with pytest.raises(InvalidInput) as refused:
        planned(tmp_path, TIERED, jsonl="a.jsonl", **fields)

    assert complaint in str(refused.value)


def test_too_many_items_are_counted(tmp_path: Path) -> None:
    """The error has their number, so that one knows what to raise the limit to (A13)."""
    write(tmp_path / "a.jsonl", *items(25))

    with pytest.raises(LimitExceeded, match=r"items: 25 is outside 1 to 20.*BATCH_PIPELINES_MAX_ITEMS"):
        planned(tmp_path, jsonl="a.jsonl", most=20)
    assert len(planned(tmp_path, jsonl="a.jsonl", most=20, limit=20).items) == 20


def test_an_option_is_refused_before_a_million_items_are_read(tmp_path: Path) -> None:
    """Not even the file is opened (A13)."""
    spec = {"options": {"concurrency": 500}}
    source = read_items(Spec(pipeline="talk", items={"jsonl": "lost.jsonl"}), PLAIN, tmp_path, None, 10)

    with pytest.raises(LimitExceeded, match=r"options\.concurrency: 500"):
        make_plan(Spec(pipeline="talk", **spec), PLAIN, source, max_items=10, max_concurrency=50, simulated=True)


def test_groups_count_tiers_and_complexities() -> None:
    """As an estimate needs them, without another look at the items (C2)."""
    long, short = {"text": "x" * 30_000}, {"text": "x"}
    rows = [{"id": n, "tier": tier, **text} for n, (tier, text) in enumerate([("template", long), ("template", short)])]

    made = plan(raw=[*rows, {"id": "c", "tier": "edge_case"}, {"id": "d", "tier": "template"}])

    assert made.groups == Counter(
        {
            ItemGroup(Tier.TEMPLATE, Complexity.COMPLEX): 1,
            ItemGroup(Tier.TEMPLATE, Complexity.SIMPLE): 2,
            ItemGroup(Tier.EDGE_CASE, Complexity.COMPLEX): 1,
        }
    )
    assert [item.complexity for item in made.items] == ["complex", "simple", "complex", "simple"]


def test_the_sample_is_spread_over_all_items() -> None:
    """Up to five hundred, the same every time (C2)."""
    assert [item.item_id for item in plan(raw=items(3)).sample] == ["i0", "i1", "i2"]

    made = plan(raw=items(2_000), max_items=2_000)

    assert [item.item_id for item in made.sample] == [f"i{number}" for number in range(0, 2_000, 4)]
    assert len(made.sample) == 500


def test_every_item_is_checked_while_it_is_read() -> None:
    """Once, complete with tier and parameters; what the check raises is what the caller sees (A13)."""
    seen: list[PlannedItem] = []
    spec = Spec(pipeline="talk", shared_parameters={"emotion": "Calm"})

    def check(item: PlannedItem) -> None:
        seen.append(item)
        if item.item_id == "i2":
            raise InvalidInput("items", item.item_id, "does not fit", "mend it")

    with pytest.raises(InvalidInput, match="items: 'i2' does not fit; mend it"):
        make_plan(spec, TIERED, items(5), max_items=10, max_concurrency=50, simulated=True, check=check)

    assert [(item.item_id, item.tier) for item in seen] == [("i0", "template"), ("i1", "scenario"), ("i2", "edge_case")]
    assert seen[0].parameters == {"emotion": "Calm", "topic": "Tea"}


def test_ids_that_only_look_alike_are_no_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests raise a suspicion; the ids themselves decide, and the first repeat is the one that is named (A13)."""
    monkeypatch.setattr(repeats, "DIGEST_BYTES", 1)

    assert len(plan(raw=items(1_000)).items) == 1_000
    with pytest.raises(InvalidInput, match=r"items\.1000\.id: 'i7' is the id of items 7 and 1000"):
        plan(raw=[*items(1_000), {"id": "i7"}, {"id": "i3"}])


def test_items_that_are_left_out_may_have_any_id() -> None:
    """Only ids of one batch job must differ (B6)."""
    rows = [{"id": "a", "tier": "template"}, {"id": "a", "tier": "scenario"}]

    assert len(plan({"tier": "scenario"}, raw=rows).items) == 1
    with pytest.raises(InvalidInput, match="is the id of items 0 and 1"):
        plan(raw=rows)


@pytest.mark.parametrize("value", [float("inf"), "\ud800"])
def test_a_value_that_json_cannot_hold_names_the_item(value: Any) -> None:
    """No database would take it."""
    with pytest.raises(InvalidInput, match="items: 'b' has a value that JSON cannot hold"):
        plan(raw=[{"id": "a"}, {"id": "b", "inner": [{"value": value}]}])


def test_endless_nesting_names_the_item() -> None:
    """Instead of ending in a traceback."""
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(InvalidInput, match="items: 'a' has a value that JSON cannot hold"):
        plan(raw=[{"id": "a", "deep": deep}])


def test_memory_does_not_grow_with_the_items(tmp_path: Path) -> None:
    """Two hundred thousand lines of 300 bytes take some MB more than two thousand, not sixty (A13)."""
    peaks = []
    for count in (2_000, 200_000):
        path = tmp_path / f"{count}.jsonl"
        with path.open("w") as file:
            file.writelines(f'{{"id": "item-{n}", "topic": "{"Tea and cake. " * 20}"}}\n' for n in range(count))
        command = [sys.executable, "-c", PLAN_AND_TELL, str(path)]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=150).stdout.split()
        assert told[:2] == [str(count)] * 2
        peaks.append(float(told[2]))

    assert peaks[1] - peaks[0] < 25
