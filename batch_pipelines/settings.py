"""The only reader of the environment, and of a `.env` file in the working directory."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import MOST_CONCURRENCY

ENV_FILE = ".env"


class ProviderName(StrEnum):
    """Who answers."""

    SIMULATED = "simulated"
    ANTHROPIC = "anthropic"


class EmbeddingsProviderName(StrEnum):
    """Who turns texts into vectors where the provider is `anthropic`, which does not."""

    SIMULATED = "simulated"
    """A simulation on this machine, which costs nothing; its vectors are marked as simulated."""
    ENDPOINT = "endpoint"
    """The server at `embeddings_url`."""


class ExecutorName(StrEnum):
    """How Dagster runs the steps of one run; results do not depend on it."""

    ASYNC = "async"
    """All item partitions at once in one process."""
    IN_PROCESS = "in_process"
    """One item partition after the other in one process."""
    MULTIPROCESS = "multiprocess"
    """A process for each step."""


class Settings(BaseSettings):
    """What a deployment decides. Variables are named BATCH_PIPELINES_<FIELD> unless said otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="BATCH_PIPELINES_",
        env_file=ENV_FILE,
        # Compose files and CI pass on variables that nobody set as empty ones.
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    dagster_home: Path = Field(default=Path(".dagster_home"), validation_alias=AliasChoices("DAGSTER_HOME"))
    """Where Dagster and the default ledger keep their files (variable DAGSTER_HOME)."""
    database_url: str | None = None
    """The ledger's database; default: SQLite under DAGSTER_HOME."""
    dagster_url: str = "http://127.0.0.1:3000"
    """The webserver that `submit` launches through."""
    provider: ProviderName = ProviderName.SIMULATED
    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias=AliasChoices("ANTHROPIC_API_KEY"))
    """Variable ANTHROPIC_API_KEY; used only when the provider is `anthropic`."""
    anthropic_base_url: str | None = Field(default=None, validation_alias=AliasChoices("ANTHROPIC_BASE_URL"))
    """Variable ANTHROPIC_BASE_URL; the simulated provider takes it only when it is on loopback."""
    embeddings_provider: EmbeddingsProviderName = EmbeddingsProviderName.SIMULATED
    """Used only when the provider is `anthropic`; the simulated provider simulates vectors too."""
    embeddings_url: str | None = None
    """A server with `/v1/embeddings`, as `https://api.voyageai.com/v1`; needed for `endpoint`."""
    embeddings_api_key: SecretStr | None = None
    """Sent to `embeddings_url` alone; a server of one's own may need none."""
    requests_per_minute: int | None = Field(default=None, gt=0)
    input_tokens_per_minute: int | None = Field(default=None, gt=0)
    output_tokens_per_minute: int | None = Field(default=None, gt=0)
    seconds_per_call: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """What the time model takes for one call; default: by provider."""
    pipelines_folder: Path = Path("pipelines")
    """Its folders are pipelines, besides the shipped ones; none where it does not exist."""
    routes_file: Path | None = None
    """YAML with routes that go before the shipped ones, for pipelines that do not name a model."""
    prices_file: Path | None = None
    """YAML with prices that go before the price book's."""
    executor: ExecutorName = ExecutorName.ASYNC
    max_items: int = Field(default=10_000, ge=1, le=1_000_000)
    """Items of one batch job at most."""
    max_memory_mb: int | None = Field(default=None, ge=100)
    """MB of 1024 x 1024 bytes that the process of a run may hold; 100 is less than it needs for itself."""
    max_cpu_percent: float | None = Field(default=None, ge=10, allow_inf_nan=False)
    """Of one core, so it can be over 100, that the process of a run may use."""
    max_concurrency: int = Field(default=50, ge=1, le=MOST_CONCURRENCY)
    """Calls in flight of one batch job at most, where its pipeline allows as many."""

    @field_validator("dagster_url", "anthropic_base_url", "embeddings_url")
    @classmethod
    def _addresses_are_complete(cls, value: str | None) -> str | None:
        if value is not None:
            address = urlsplit(value)
            if address.scheme not in ("http", "https") or not address.hostname:
                raise ValueError("an address starts with http:// or https:// and names a host")
        return value

    @property
    def home(self) -> Path:
        """DAGSTER_HOME as an absolute path."""
        return self.dagster_home.expanduser().absolute()

    @property
    def journals(self) -> Path:
        """The folder where runs note their calls until the ledger has them."""
        return self.home / "journals"

    @property
    def ledger_url(self) -> str:
        """The ledger's database as a SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home / 'batch_pipelines.db'}"

    @property
    def simulated_url(self) -> str | None:
        """A simulated provider that already runs: ANTHROPIC_BASE_URL, if it is on loopback."""
        url = self.anthropic_base_url
        return url if url and _is_loopback(urlsplit(url).hostname or "") else None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings() -> Settings:
    """Settings from the environment; raises InvalidInput that names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        variable = field if field.isupper() else f"BATCH_PIPELINES_{field.upper()}"
        problem = f"is not usable ({first['msg'].removeprefix('Value error, ')})"
        raise InvalidInput(variable, first["input"], problem, "correct or unset it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(ENV_FILE, None, f"cannot be read ({error})", "mend or remove the file") from None
