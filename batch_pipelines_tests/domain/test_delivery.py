"""Where results go."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from batch_pipelines.domain.delivery import Content, Delivery, DeliveryFormat


def test_a_delivery_needs_its_address_alone() -> None:
    """What a row is has a default, and the ending of the address tells the format (F7)."""
    delivery = Delivery(to="out/{pipeline}/{job}.csv")

    assert (delivery.format, delivery.content, delivery.to_index) == (None, Content.OUTPUTS, False)


def test_the_formats_are_those_that_are_written() -> None:
    """By the name that a spec gives them (F7)."""
    formats = [Delivery.model_validate({"to": "out", "format": name}).format for name in ("jsonl", "csv", "parquet")]

    assert formats == [DeliveryFormat.JSONL, DeliveryFormat.CSV, DeliveryFormat.PARQUET]


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("a.jsonl", DeliveryFormat.JSONL),
        ("s3://bucket/{job}/a.CSV", DeliveryFormat.CSV),
        ("/x.md/a.parquet", DeliveryFormat.PARQUET),
        ("a.md", DeliveryFormat.MARKDOWN),
        ("a.xlsx", None),
        ("csv", None),
    ],
)
def test_an_ending_tells_the_format(address: str, known: DeliveryFormat | None) -> None:
    """In capitals too; another tells none (F7)."""
    assert DeliveryFormat.of_ending(address) is known


@pytest.mark.parametrize(
    "fields", [{}, {"to": ""}, {"to": "a", "format": "docx"}, {"to": "a", "content": "all"}, {"too": "a"}]
)
def test_a_delivery_that_is_no_such_thing_is_refused(fields: dict[str, str]) -> None:
    """A misspelt field too."""
    with pytest.raises(ValidationError):
        Delivery.model_validate(fields)
