"""Chance that repeats."""

from __future__ import annotations

import statistics

import pytest

from batch_pipelines.providers.simulated.draws import generator, lognormal, spread


def test_the_same_seed_purpose_and_key_give_the_same_draws() -> None:
    """Each of the three changes what is drawn; the same three repeat it."""
    draws = {
        generator(seed, purpose, key).random() for seed in (1, 2) for purpose in ("a", "b") for key in (b"x", b"y")
    }
    assert len(draws) == 8
    assert generator(1, "a", b"x").random() == generator(1, "a", b"x").random()


@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.8])
def test_latencies_have_the_mean_that_was_asked_for(sigma: float) -> None:
    """The mean is the mean, not the median of a skewed distribution."""
    draws = [lognormal(0.5, sigma, generator(0, "latency", bytes([n % 256, n // 256]))) for n in range(20_000)]

    assert statistics.fmean(draws) == pytest.approx(0.5, rel=0.03)
    assert min(draws) > 0


def test_no_latency_is_none_at_all() -> None:
    """A mean of 0 means no waiting."""
    assert lognormal(0, 0.3, generator(0, "latency", b"x")) == 0


def test_token_counts_stay_within_their_spread_and_use_it() -> None:
    """Bounds hold for every draw, and the draws are not all the same."""
    draws = [spread(1000, 0.08, generator(0, "tokens", bytes([n]))) for n in range(200)]

    assert 920 <= min(draws) < 940
    assert 1060 < max(draws) <= 1080
    assert statistics.fmean(draws) == pytest.approx(1000, rel=0.01)
