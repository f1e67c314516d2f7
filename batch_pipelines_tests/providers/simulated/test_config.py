"""What can be set, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Tier, TokenProfile
from batch_pipelines.providers.simulated.config import (
    DEFAULT_LATENCY_MEAN_SECONDS,
    Fault,
    SimulatedConfig,
    load_config,
)


def test_the_defaults_are_those_of_the_estimate() -> None:
    """Tokens by tier are those that estimates start from, and the mean latency is a constant of its own (C2)."""
    config = SimulatedConfig()

    assert config.latency_mean_seconds == DEFAULT_LATENCY_MEAN_SECONDS == 0.3
    assert {tier: (it.input_tokens, it.output_tokens) for tier, it in config.tier_tokens.items()} == {
        Tier.TEMPLATE: (2000, 3000),
        Tier.SCENARIO: (2500, 4000),
        Tier.EDGE_CASE: (3000, 5000),
    }


def test_a_tier_that_is_left_out_keeps_its_tokens() -> None:
    """Setting one tier does not make the others unknown."""
    config = SimulatedConfig(tier_tokens={Tier.TEMPLATE: TokenProfile(input_tokens=10, output_tokens=20)})

    assert config.tier_tokens[Tier.TEMPLATE].input_tokens == 10
    assert config.tier_tokens[Tier.EDGE_CASE].input_tokens == 3000


def test_fault_rates_may_fill_the_whole() -> None:
    """Ten tenths are one, whatever binary fractions make of them."""
    rates = dict.fromkeys(Fault, 1 / 8)
    assert SimulatedConfig(faults=rates).faults == rates
    assert SimulatedConfig(faults={Fault.REFUSAL: 0.7, Fault.OVERLOADED: 0.2, Fault.MAX_TOKENS: 0.1})


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"faults": {"refusal": 0.6, "rate_limit": 0.6}}', "faults"),
        ('{"faults": {"refusal": 1.1}}', "faults.refusal"),
        ('{"faults": {"earthquake": 0.1}}', "earthquake"),
        ('{"latency_mean_seconds": -1}', "latency_mean_seconds"),
        ('{"token_spread": 1}', "token_spread"),
        ('{"requests_per_minute": 0}', "requests_per_minute"),
        ('{"latency": 1}', "latency"),
        ("{no json", "config"),
        ("no-such-file.json", "config"),
    ],
)
def test_an_unusable_config_is_an_error_that_names_the_field(text: str, field: str) -> None:
    """A typing error in a rate must not silently make a faultless provider."""
    with pytest.raises(InvalidInput) as caught:
        load_config(text)
    assert field in str(caught.value)


def test_a_config_is_read_from_json_or_from_a_file(tmp_path: Path) -> None:
    """What does not start with a brace names a file."""
    file = tmp_path / "config.json"
    file.write_text('{"seed": 7}')

    assert load_config(str(file)) == load_config('{"seed": 7}') == SimulatedConfig(seed=7)


def test_a_list_is_no_config(tmp_path: Path) -> None:
    """Only an object has fields."""
    file = tmp_path / "config.json"
    file.write_text("[]")

    with pytest.raises(InvalidInput, match="not a JSON object"):
        load_config(str(file))


def test_changes_replace_fields_and_keep_the_others() -> None:
    """Changing one field of a running server leaves the rest as it was."""
    config = SimulatedConfig(seed=7, required_key="k").changed({"faults": {"refusal": 0.5}})

    assert config == SimulatedConfig(seed=7, required_key="k", faults={Fault.REFUSAL: 0.5})
