"""Settings: where they come from, and what is said about bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.settings import ExecutorName, ProviderName, Settings, load_settings

SECRET = "sk-ant-very-secret"


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in: a `.env` there is read."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_set_is_a_simulated_run_on_sqlite(working_directory: Path) -> None:
    """The defaults need no key, no server and no other step."""
    settings = load_settings()

    assert settings.provider is ProviderName.SIMULATED
    assert settings.executor is ExecutorName.ASYNC
    assert settings.ledger_url == f"sqlite:///{working_directory / '.dagster_home' / 'batch_pipelines.db'}"
    assert settings.max_items == 10_000
    assert settings.requests_per_minute is None
    assert (settings.pipelines_folder, settings.routes_file) == (Path("pipelines"), None)
    assert (settings.max_memory_mb, settings.max_cpu_percent) == (None, None)


def test_a_key_alone_does_not_choose_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key in the environment never makes a run spend money."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)

    assert load_settings().provider is ProviderName.SIMULATED


def test_the_env_file_is_read_and_the_environment_goes_before_it(
    working_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable counts over a line of `.env`, and that over the default."""
    working_directory.joinpath(".env").write_text(
        "BATCH_PIPELINES_PROVIDER=anthropic\nBATCH_PIPELINES_REQUESTS_PER_MINUTE=7\nDAGSTER_HOME=/from/file\n"
    )
    monkeypatch.setenv("BATCH_PIPELINES_REQUESTS_PER_MINUTE", "9")

    settings = load_settings()

    assert (settings.provider, settings.requests_per_minute) == (ProviderName.ANTHROPIC, 9)
    assert settings.home == Path("/from/file")


@pytest.mark.parametrize(
    "variable", ["BATCH_PIPELINES_DATABASE_URL", "BATCH_PIPELINES_REQUESTS_PER_MINUTE", "ANTHROPIC_BASE_URL"]
)
def test_an_empty_variable_is_an_unset_one(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass on variables that nobody set as empty."""
    monkeypatch.setenv(variable, "")

    assert load_settings() == Settings()
    monkeypatch.delenv(variable)
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("BATCH_PIPELINES_PROVIDER", "openai", "'simulated' or 'anthropic'"),
        ("BATCH_PIPELINES_EXECUTOR", "celery", "'async', 'in_process' or 'multiprocess'"),
        ("BATCH_PIPELINES_REQUESTS_PER_MINUTE", "0", "greater than 0"),
        ("BATCH_PIPELINES_INPUT_TOKENS_PER_MINUTE", "many", "valid integer"),
        ("BATCH_PIPELINES_OUTPUT_TOKENS_PER_MINUTE", "-1", "greater than 0"),
        ("BATCH_PIPELINES_SECONDS_PER_CALL", "inf", "finite number"),
        ("BATCH_PIPELINES_MAX_ITEMS", "1000001", "less than or equal to 1000000"),
        ("BATCH_PIPELINES_MAX_MEMORY_MB", "2", "greater than or equal to 100"),
        ("BATCH_PIPELINES_MAX_MEMORY_MB", "512M", "valid integer"),
        ("BATCH_PIPELINES_MAX_CPU_PERCENT", "0.8", "greater than or equal to 10"),
        ("BATCH_PIPELINES_MAX_CPU_PERCENT", "nan", "finite number"),
        ("ANTHROPIC_BASE_URL", "localhost:8765", "starts with http:// or https://"),
        ("ANTHROPIC_BASE_URL", "http://[::1", "Invalid IPv6 URL"),
        ("BATCH_PIPELINES_DAGSTER_URL", "http://", "names a host"),
    ],
)
def test_a_bad_variable_is_named(variable: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the variable as users write it, the value, and what to do."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(InvalidInput) as refused:
        load_settings()

    assert (refused.value.field, refused.value.value) == (variable, value)
    assert complaint in str(refused.value)
    assert "Value error" not in str(refused.value)
    assert str(refused.value).endswith("correct or unset it")


def test_an_env_file_that_is_no_text_is_named(working_directory: Path) -> None:
    """And it is no traceback."""
    working_directory.joinpath(".env").write_bytes(b"NAME=\xff\xfe")

    with pytest.raises(InvalidInput, match=r"^\.env cannot be read"):
        load_settings()


def test_the_key_is_not_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A settings object that gets into a log or a traceback gives nothing away (G3)."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)

    settings = load_settings()

    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("http://127.0.0.1:8765", True),
        ("http://127.1.2.3:8765", True),
        ("http://localhost:8765/", True),
        ("http://[::1]:8765", True),
        ("https://api.anthropic.com", False),
        ("http://192.0.2.1", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
    ],
)
def test_only_an_address_on_loopback_can_be_a_simulation(
    address: str, is_taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The simulated provider never talks to another machine."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)

    assert load_settings().simulated_url == (address if is_taken else None)
