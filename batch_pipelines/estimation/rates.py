"""What one token costs: linear within a band of input sizes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from batch_pipelines.domain.usage import Usage

TOKENS_PER_MTOK = 1_000_000


@dataclass(frozen=True, slots=True)
class Band:
    """USD per token of every call whose whole input, cached or not, is more than `above` tokens."""

    above: int
    input_usd: Decimal
    output_usd: Decimal
    cache_read_usd: Decimal
    cache_creation_usd: Decimal

    def input_side(self, usage: Usage) -> Decimal:
        """USD of the input, cache reads and writes included."""
        return (
            self.input_usd * usage.input_tokens
            + self.cache_read_usd * usage.cache_read_input_tokens
            + self.cache_creation_usd * usage.cache_creation_input_tokens
        )

    def output_side(self, usage: Usage) -> Decimal:
        """USD of the output."""
        return self.output_usd * usage.output_tokens

    @property
    def dearest_input_usd(self) -> Decimal:
        """USD of an input token in the worst case: plain, read from the cache or written to it."""
        return max(self.input_usd, self.cache_read_usd, self.cache_creation_usd)


@dataclass(frozen=True, slots=True)
class Rates:
    """The bands of one model, from small inputs to large; a call is billed as a whole in the band it falls into."""

    bands: tuple[Band, ...]
    """At least one, by rising `above`, the first being for any input."""

    def band(self, total_input_tokens: int) -> Band:
        """The band of a call with this much input."""
        chosen = self.bands[0]
        for band in self.bands[1:]:
            if total_input_tokens <= band.above:
                break
            chosen = band
        return chosen


def usd_per_token(usd_per_mtok: Decimal) -> Decimal:
    """A price list's figure, which is for a million tokens, for one token; exact."""
    return usd_per_mtok / TOKENS_PER_MTOK
