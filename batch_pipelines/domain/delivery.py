"""Where the results of a batch job go when it completed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field


class DeliveryFormat(StrEnum):
    """How a file of results is written."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    """A report for people: figures by group."""

    @classmethod
    def of_ending(cls, address: str) -> DeliveryFormat | None:
        """The format that the ending of a path or an address tells; None where it tells none."""
        return ENDINGS.get(PurePosixPath(address).suffix.lower())


ENDINGS = {
    ".jsonl": DeliveryFormat.JSONL,
    ".csv": DeliveryFormat.CSV,
    ".parquet": DeliveryFormat.PARQUET,
    ".md": DeliveryFormat.MARKDOWN,
}


class Content(StrEnum):
    """What a row of the file is."""

    RESULTS = "results"
    """An item with everything known about it."""
    OUTPUTS = "outputs"
    """An item's id and its output; an output that is a JSON object gives its fields."""


class DeliveryNote(BaseModel):
    """What became of a delivery."""

    model_config = ConfigDict(frozen=True)

    to: str
    """Path or address of the file."""
    rows: int | None
    """In the file; None where there is none."""
    problem: str | None
    """Why there is none."""


class Delivery(BaseModel):
    """A file of results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    to: str = Field(
        min_length=1,
        description="Path or cloud address of the file; its ending tells the format. `{job}` stands for the batch "
        "job's id, `{pipeline}` for the pipeline's name.",
    )
    format: DeliveryFormat | None = Field(default=None, description="Default: by the ending of `to`.")
    content: Content = Field(default=Content.OUTPUTS, description="What a row is.")
    group_by: str | None = Field(default=None, description="With `markdown`: the field of outputs to group by.")
    distinct: bool = Field(
        default=False, description="Whether an output that is equal to an earlier one is left out of the file."
    )
    to_index: bool = Field(
        default=False, description="Whether vectors go to the passages that were embedded, for retrieval by meaning."
    )
