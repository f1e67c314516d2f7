"""Planned items on their way to the ledger."""

from __future__ import annotations

import gc
import tempfile
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import PlannedItem, PlannedItems
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.inputs import spool
from batch_pipelines.inputs.spool import ItemSpool, SpooledSample


def item(number: int, **parameters: Any) -> PlannedItem:
    """An item of this number."""
    tier = (None, *Tier)[number % 4]
    complexity = tuple(Complexity)[number % 3]
    return PlannedItem(item_id=f"i{number}", tier=tier, complexity=complexity, parameters=parameters or {"n": number})


@pytest.fixture(params=[spool.IN_MEMORY_BYTES, 100], ids=["in memory", "on disk"])
def keeper(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ItemSpool:
    """A spool that stays in memory, and one that does not."""
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", request.param)
    monkeypatch.setattr(spool, "AT_ONCE_BYTES", 100)
    return ItemSpool()


def test_items_come_again_as_they_were(keeper: ItemSpool) -> None:
    """As often as they are asked for, line ends and letters of all kinds included (A13)."""
    items = [item(number) for number in range(20)] + [item(20, text="a\nb\u2028 é 🙂", inner={"list": [1, None, 2.5]})]
    for each in items:
        keeper.add(each, "place")

    assert isinstance(keeper, PlannedItems)
    assert len(keeper) == 21
    assert list(keeper) == items
    assert list(keeper) == items


def test_readers_do_not_disturb_each_other(keeper: ItemSpool) -> None:
    """Each has a place of its own in the file (A13)."""
    for number in range(50):
        keeper.add(item(number), "place")
    ahead = iter(keeper)
    list(islice(ahead, 7))

    pairs = list(zip_longest(keeper, ahead))

    assert [first.item_id for first, _ in pairs] == [f"i{number}" for number in range(50)]
    assert [second.item_id for _, second in pairs if second] == [f"i{number}" for number in range(7, 50)]


def test_a_sample_reads_only_its_items(keeper: ItemSpool) -> None:
    """Wherever they stand (C2)."""
    offsets = [keeper.add(item(number), "place") for number in range(50)]

    sample = SpooledSample(keeper, tuple(offsets[::20]))

    assert len(sample) == 3
    assert [each.item_id for each in sample] == ["i0", "i20", "i40"]
    assert list(SpooledSample(keeper, ())) == []


def test_places_are_kept(keeper: ItemSpool) -> None:
    """For whoever has to say where an item stands."""
    keeper.add(item(1), "line 1")
    keeper.add(item(2), "line 3")

    assert list(keeper.places()) == [("i1", "line 1"), ("i2", "line 3")]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_hold_is_refused(keeper: ItemSpool, value: Any) -> None:
    """And leaves nothing behind."""
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        keeper.add(item(1, value=value), "place")

    assert list(keeper) == []


def test_the_file_goes_with_the_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no name even while it is there, so that nothing is left behind by a process that is killed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", 100)
    keeper = ItemSpool()
    for number in range(50):
        keeper.add(item(number), "place")

    assert list(tmp_path.iterdir()) == []
    # A file that nobody closed would be a warning, and so an error.
    del keeper
    gc.collect()


def test_a_full_disk_is_an_error_that_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do; /dev/full is a disk without room (A13)."""
    keeper = ItemSpool()
    with Path("/dev/full").open("r+b") as full:
        monkeypatch.setattr(keeper, "_file", full)
        with pytest.raises(InvalidInput, match=r"TMPDIR: '.+' cannot hold the planned items \(No space left on device"):
            for number in range(100_000):
                keeper.add(item(number), "place")
        # What waits in the buffer would be tried again when the file is closed.
        full.raw.close()
