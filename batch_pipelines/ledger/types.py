"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from typing import Any

from sqlalchemy import BigInteger, DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

PICO_DIGITS = 12
"""A price of 0.000001 USD per million tokens is still a whole number of pico-dollars per token."""

_EXACT = Context(prec=60, traps=[Inexact])
_REPLACEMENT = "\ufffd"


def to_pico(value: Decimal) -> int:
    """Dollars as whole pico-dollars; raises ValueError where that would round."""
    scaled = value.scaleb(PICO_DIGITS, context=_EXACT)
    if scaled != scaled.to_integral_value(context=_EXACT):
        raise ValueError(f"{value} USD is finer than a pico-dollar and would be rounded; quantize it to 1e-12 first")
    return int(scaled)


def from_pico(value: int | Decimal) -> Decimal:
    """Pico-dollars as dollars, without trailing zeros. PostgreSQL sums integers to a Decimal."""
    dollars = Decimal(value).scaleb(-PICO_DIGITS, context=_EXACT).normalize(_EXACT)
    return dollars if dollars.as_tuple().exponent <= 0 else dollars.quantize(Decimal(1))  # type: ignore[operator]


class Usd(TypeDecorator[Decimal]):
    """Money as a BIGINT of pico-dollars, so that SUM is exact on both databases; up to 9.2 million USD."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_pico(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else from_pico(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in, aware UTC out; a naive one raises ValueError, as nobody can know which moment it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; use datetime.now(UTC)")
        # SQLite keeps the text as it is written, so all of it must be of one zone to sort by time.
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ForeignText(TypeDecorator[str]):
    """Text that somebody else wrote, as a model does.

    PostgreSQL takes no NUL and neither database a lone surrogate; each becomes U+FFFD, as one such character must not
    keep a group of paid answers from being written.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if "\x00" in value:
            value = value.replace("\x00", _REPLACEMENT)
        try:
            value.encode()
        except UnicodeEncodeError:
            value = "".join(_REPLACEMENT if "\ud800" <= character <= "\udfff" else character for character in value)
        return value
