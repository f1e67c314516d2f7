"""Column types mean the same on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, select

from batch_pipelines.ledger.database import open_engine, writing
from batch_pipelines.ledger.types import ForeignText, Usd, UtcDateTime, from_pico, to_pico

samples = Table(
    "samples",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("cost_usd", Usd),
    Column("at", UtcDateTime),
    Column("said", ForeignText),
)


@pytest.fixture
def connection(ledger_url: str) -> Iterator[Connection]:
    """A transaction on a database with the table above."""
    engine = open_engine(ledger_url)
    with writing(engine) as opened:
        samples.create(opened)
        yield opened
    engine.dispose()


@pytest.mark.parametrize(
    ("value", "pico"),
    [("0", 0), ("0.255", 255_000_000_000), ("-1.5", -1_500_000_000_000), ("1E+2", 10**14), ("1e-12", 1)],
)
def test_dollars_are_whole_pico_dollars(value: str, pico: int) -> None:
    """A price goes to pico-dollars and back without loss."""
    assert to_pico(Decimal(value)) == pico
    assert from_pico(pico) == Decimal(value)


@pytest.mark.parametrize(
    ("pico", "text"), [(255_000_000_000, "0.255"), (10**14, "100"), (0, "0"), (25_500_000_000_000, "25.5")]
)
def test_dollars_are_shown_plainly(pico: int, text: str) -> None:
    """Neither trailing zeros nor exponents reach a JSON output."""
    assert str(from_pico(pico)) == text


@pytest.mark.parametrize("value", ["1e-13", "0.1234567890123", "1.0000000000000000000000000000000000001"])
def test_an_amount_that_would_be_rounded_is_refused(value: str) -> None:
    """Money is never rounded silently."""
    with pytest.raises((ValueError, ArithmeticError)):
        to_pico(Decimal(value))


def test_sums_of_money_are_exact(connection: Connection) -> None:
    """Ten thousand costs that no binary float can hold add up to the last digit."""
    rows = [{"cost_usd": Decimal("0.100000000001")}] * 10_000
    connection.execute(insert(samples), rows)

    assert connection.execute(select(func.sum(samples.c.cost_usd))).scalar() == Decimal("1000.00000001")


def test_moments_come_back_in_utc(connection: Connection) -> None:
    """A moment of any zone comes back as the same moment, aware and in UTC."""
    here = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    connection.execute(insert(samples), {"at": here})

    found = connection.execute(select(samples.c.at)).scalar_one()

    assert found == here
    assert found.tzinfo == UTC


def test_moments_sort_by_time_and_not_by_text(connection: Connection) -> None:
    """Two zones do not confuse the order."""
    later = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
    sooner = datetime(2026, 11, 22, 9, 0, tzinfo=timezone(timedelta(hours=2)))
    connection.execute(insert(samples), [{"at": later}, {"at": sooner}])

    assert list(connection.execute(select(samples.c.at).order_by(samples.c.at)).scalars()) == [sooner, later]


def test_a_naive_moment_is_refused() -> None:
    """A time without a zone is a mistake, found when it is made."""
    with pytest.raises(ValueError, match="no time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), None)  # type: ignore[arg-type]


def test_text_that_a_database_cannot_hold_is_replaced(connection: Connection) -> None:
    """A NUL or half a surrogate pair in an answer costs one character, not the whole group."""
    connection.execute(insert(samples), {"said": "a\x00b\ud83dc 😀"})

    assert connection.execute(select(samples.c.said)).scalar() == "a\ufffdb\ufffdc 😀"
