"""Tests of batch_pipelines.estimation.overrides, over real files."""

from __future__ import annotations

import pickle
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.estimation.overrides import load_overrides
from batch_pipelines.estimation.prices import Price

GOOD = """\
# prices agreed with sales
- model: mine
  input_usd_per_mtok: 15
  output_usd_per_mtok: 75
- model: mine
  input_usd_per_mtok: 0.100001
  output_usd_per_mtok: "0.5"
  cache_read_usd_per_mtok: 0
  cache_creation_usd_per_mtok: 0.2
  valid_from: 2026-11-01
- {model: yours, input_usd_per_mtok: 1, output_usd_per_mtok: 2, valid_from: null}
"""


def written(tmp_path: Path, text: str) -> Path:
    """A prices file with this text."""
    path = tmp_path / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_file_becomes_prices(tmp_path: Path) -> None:
    """Every figure arrives exactly as written, and what is left out takes its default."""
    mine, later, yours = load_overrides(written(tmp_path, GOOD))

    assert mine == Price(model="mine", input_usd_per_mtok=Decimal(15), output_usd_per_mtok=Decimal(75))
    assert later.input_usd_per_mtok == Decimal("0.100001")
    assert (later.cache_read_usd_per_mtok, later.valid_from) == (Decimal(0), date(2026, 11, 1))
    assert yours.valid_from is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "[]"])
def test_file_without_entries_states_nothing(tmp_path: Path, text: str) -> None:
    """A file may wait for its first entry."""
    assert load_overrides(written(tmp_path, text)) == ()


ENTRY = "- {model: a, input_usd_per_mtok: 1, output_usd_per_mtok: 2}\n"


@pytest.mark.parametrize(
    ("text", "field", "shown"),
    [
        ("prices: 1", "line 1", "is not a list of prices; start each entry with a dash"),
        ("just words", "line 1", "'just words' is not a list of prices"),
        (ENTRY + "- words", "line 2, entry 2", "'words' is not a price"),
        (ENTRY + "- model: b\n  input_usd_per_mtok: [1", "line 3", "is no valid YAML"),
        (ENTRY + "\tx", "line 2", "is no valid YAML"),
        (ENTRY + "---\n" + ENTRY, "line 2", "is no valid YAML"),
        ("- !!float words", "prices.yaml", "is no valid YAML"),
        (
            ENTRY + "\n- model: b\n  input_usd_per_mtok: -1\n  output_usd_per_mtok: 1",
            "line 3, entry 2, input_usd_per_mtok",
            "'-1' is not usable",
        ),
        (
            "- {model: b, input_usd_per_mtok: 1, output_usd_per_mtok: .nan}",
            "entry 1, output_usd_per_mtok",
            "'.nan' is not usable",
        ),
        (
            "- {model: b, input_usd_per_mtok: 1}",
            "entry 1, output_usd_per_mtok",
            "is not usable (Field required); state USD per million tokens",
        ),
        (
            "- {model: b, input_usd_per_mtok: 1, output_usd: 2}",
            "entry 1, output_usd",
            "'2' is not usable (Extra inputs are not permitted); remove it; an entry has the fields model, input_usd_",
        ),
        (
            "- {model: b, input_usd_per_mtok: 1, output_usd_per_mtok: 2, valid_from: 2026-13-01}",
            "entry 1, valid_from",
            "'2026-13-01' is not usable",
        ),
        (
            "- {model: '', input_usd_per_mtok: 1, output_usd_per_mtok: 2}",
            "entry 1, model",
            "'' is not usable",
        ),
        (
            "- {model: b, input_usd_per_mtok: 3, output_usd_per_mtok: 15, input_usd_per_mtok: 30}",
            "entry 1, input_usd_per_mtok",
            "stands twice in the entry; keep one of the two",
        ),
        (ENTRY + ENTRY, "line 2, entry 2, model", "'a' is priced from the same day on by entry 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, field: str, shown: str) -> None:
    """A file that cannot be used is refused with file, place, field, value and remedy (G2)."""
    with pytest.raises(InvalidInput) as caught:
        load_overrides(written(tmp_path, text))

    assert caught.value.field.startswith(str(tmp_path / "prices.yaml"))
    assert field in caught.value.field
    assert shown in str(caught.value)
    assert caught.value.remedy
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("make", ["nothing", "folder", "binary"])
def test_file_that_cannot_be_read_is_named(tmp_path: Path, make: str) -> None:
    """A missing or unreadable file is an error that names the variable and the path."""
    path = tmp_path / "prices.yaml"
    if make == "folder":
        path.mkdir()
    if make == "binary":
        path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidInput) as caught:
        load_overrides(path)

    assert caught.value.field == "BATCH_PIPELINES_PRICES_FILE"
    assert caught.value.value == str(path)
    assert caught.value.problem.startswith("does not exist" if make == "nothing" else "cannot be read")
