"""Everything that can go wrong, as one tree.

    BatchPipelinesError
    ├── InvalidInput               a user's mistake: exit code 2
    │   ├── LimitExceeded
    │   ├── UnknownName
    │   └── UnknownPrice
    ├── JobNotFound                exit code 2
    ├── IllegalMove                exit code 2
    ├── JobTakenOver               another run owns the batch job
    ├── LedgerUnavailable          locked, unreachable or of a newer schema
    ├── JournalUnavailable         calls cannot be noted next to the ledger, as on a full disk
    ├── DagsterUnavailable         no Dagster answers where one is expected
    └── ProviderError              one call to a model went wrong

Every error names the thing, what was wrong and the remedy, and survives pickling, because Dagster carries errors
between processes: an `__init__` takes the same positional arguments that it hands to `Exception`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from batch_pipelines.domain.limits import LimitReading

LONGEST_VALUE = 160
"""Characters of a value that a message shows."""


class BatchPipelinesError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 1


class InvalidInput(BatchPipelinesError):
    """A field of a spec, a setting or a command has a value that cannot be used; `value` None: it has none."""

    exit_code = 2

    def __init__(self, field: str, value: Any, problem: str, remedy: str) -> None:
        super().__init__(field, value, problem, remedy)
        self.field = field
        self.value = value
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.field} {self.problem}; {self.remedy}"
        return f"{self.field}: {_shown(self.value)} {self.problem}; {self.remedy}"


def _shown(value: Any) -> str:
    """A value in a message: cut in its middle where it is long, as a path ends with the file's name and the line."""
    text, half = repr(value), LONGEST_VALUE // 2
    return text if len(text) <= LONGEST_VALUE else f"{text[:half]}...{text[-half:]}"


class LimitExceeded(InvalidInput):
    """A value lies outside its limits (requirement A13)."""

    def __init__(self, field: str, value: int, low: int, high: int, remedy: str = "") -> None:
        super().__init__(field, value, f"is outside {low} to {high}", remedy or f"choose a value from {low} to {high}")
        self.args = (field, value, low, high, self.remedy)


class UnknownName(InvalidInput):
    """A name that is none of the known ones."""

    def __init__(self, field: str, value: str, known: tuple[str, ...]) -> None:
        super().__init__(field, value, "is not known", f"use one of: {', '.join(known) or '(none)'}")
        self.args = (field, value, known)


class UnknownPrice(InvalidInput):
    """No price is known for a model, so nothing can be estimated and nothing may be spent."""

    def __init__(self, model: str) -> None:
        super().__init__(
            "model",
            model,
            "has no known price",
            "correct the name, or state its price in the file that BATCH_PIPELINES_PRICES_FILE names",
        )
        self.model = model
        self.args = (model,)


class JobNotFound(BatchPipelinesError):
    """No batch job has this id."""

    exit_code = 2

    def __init__(self, batch_job_id: str) -> None:
        super().__init__(batch_job_id)
        self.batch_job_id = batch_job_id

    def __str__(self) -> str:
        return f"no batch job {self.batch_job_id!r}; list them with `batch-pipelines list`"


class IllegalMove(BatchPipelinesError):
    """A status cannot change that way (requirements A2, A3)."""

    exit_code = 2

    def __init__(self, subject: str, status: str, target: str, remedy: str = "") -> None:
        super().__init__(subject, status, target, remedy)
        self.subject = subject
        self.status = status
        self.target = target
        self.remedy = remedy

    def __str__(self) -> str:
        # Statuses come as members of enums, whose `repr` is for programmers.
        text = f"{self.subject} is '{self.status}' and cannot become '{self.target}'"
        return f"{text}; {self.remedy}" if self.remedy else text


class JobTakenOver(BatchPipelinesError):
    """A batch job is driven by one run at a time, and it is not this one."""

    def __init__(self, batch_job_id: str, owner_run_id: str | None) -> None:
        super().__init__(batch_job_id, owner_run_id)
        self.batch_job_id = batch_job_id
        self.owner_run_id = owner_run_id

    def __str__(self) -> str:
        return (
            f"batch job {self.batch_job_id!r} is being run by Dagster run {self.owner_run_id!r}; "
            "wait for that run to end, or terminate it, then run again"
        )


class LedgerUnavailable(BatchPipelinesError):
    """The ledger's database cannot be used; nothing was changed."""

    def __init__(self, url: str, problem: str, remedy: str) -> None:
        super().__init__(url, problem, remedy)
        self.url = url
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"BATCH_PIPELINES_DATABASE_URL: {self.url} {self.problem}; {self.remedy}"


class JournalUnavailable(BatchPipelinesError):
    """A file where calls are noted before the ledger has them cannot be used."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(path, problem, remedy)
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"DAGSTER_HOME: {self.path} {self.problem}; {self.remedy}"


class DagsterUnavailable(BatchPipelinesError):
    """No Dagster webserver answers, or it does not know the pipeline."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(url, problem)
        self.url = url
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"BATCH_PIPELINES_DAGSTER_URL: {self.url} {self.problem}; "
            "start it with `make ui`, or run here with `batch-pipelines run`"
        )


class Severity(StrEnum):
    """How bad an error is for the batch job (requirement D4)."""

    LOW = "low"
    """Expected under load; waiting cures it."""
    MEDIUM = "medium"
    """One item is affected, perhaps only for now."""
    HIGH = "high"
    """One item is lost unless its input or its pipeline changes."""
    CRITICAL = "critical"
    """No call can succeed until somebody acts."""


class Nature(NamedTuple):
    """What a category of error means for what comes next."""

    severity: Severity
    transient: bool
    """Whether the same call may succeed later."""
    stops_job: bool
    """Whether every other call would fail the same way."""


class ErrorCategory(StrEnum):
    """What kind of error ended an attempt (requirement D4)."""

    RATE_LIMIT = "rate_limit"
    """Too many requests or tokens per minute."""
    OVERLOADED = "overloaded"
    """The provider has no capacity for now."""
    TIMEOUT = "timeout"
    """No answer within the call's time."""
    CONNECTION = "connection"
    """The connection could not be made, or broke."""
    SERVER_ERROR = "server_error"
    """The provider failed."""
    INVALID_RESPONSE = "invalid_response"
    """The answer could not be read."""
    AUTHENTICATION = "authentication"
    """The key is missing or wrong."""
    PERMISSION = "permission"
    """The key may not do this."""
    SPEND_LIMIT = "spend_limit"
    """The account's own cap is reached; waiting does not help."""
    INVALID_REQUEST = "invalid_request"
    """The provider refuses the request as it stands."""
    REFUSAL = "refusal"
    """The model declined to answer."""
    MAX_TOKENS = "max_tokens"
    """The answer was cut off at the phase's `max_tokens`."""
    CONTEXT_WINDOW = "context_window"
    """Prompt and answer together are longer than the model takes."""
    RUNAWAY = "runaway"
    """Its calls used far more tokens than expected."""
    TEMPLATE = "template"
    """The prompt could not be rendered for this item."""
    VALIDATION = "validation"
    """No answer was good enough."""
    SCHEMA = "schema"
    """The provider refuses the output schema of the phase."""
    INTERNAL = "internal"
    """A defect of ours."""

    @property
    def nature(self) -> Nature:
        return NATURES[self]


NATURES: dict[ErrorCategory, Nature] = {
    ErrorCategory.RATE_LIMIT: Nature(Severity.LOW, transient=True, stops_job=False),
    ErrorCategory.OVERLOADED: Nature(Severity.LOW, transient=True, stops_job=False),
    ErrorCategory.TIMEOUT: Nature(Severity.MEDIUM, transient=True, stops_job=False),
    ErrorCategory.CONNECTION: Nature(Severity.MEDIUM, transient=True, stops_job=False),
    ErrorCategory.SERVER_ERROR: Nature(Severity.MEDIUM, transient=True, stops_job=False),
    ErrorCategory.INVALID_RESPONSE: Nature(Severity.MEDIUM, transient=True, stops_job=False),
    ErrorCategory.AUTHENTICATION: Nature(Severity.CRITICAL, transient=False, stops_job=True),
    ErrorCategory.PERMISSION: Nature(Severity.CRITICAL, transient=False, stops_job=True),
    ErrorCategory.SPEND_LIMIT: Nature(Severity.CRITICAL, transient=False, stops_job=True),
    ErrorCategory.INVALID_REQUEST: Nature(Severity.HIGH, transient=False, stops_job=False),
    ErrorCategory.REFUSAL: Nature(Severity.HIGH, transient=False, stops_job=False),
    ErrorCategory.MAX_TOKENS: Nature(Severity.HIGH, transient=False, stops_job=False),
    ErrorCategory.CONTEXT_WINDOW: Nature(Severity.HIGH, transient=False, stops_job=False),
    ErrorCategory.RUNAWAY: Nature(Severity.HIGH, transient=False, stops_job=False),
    ErrorCategory.TEMPLATE: Nature(Severity.HIGH, transient=False, stops_job=False),
    ErrorCategory.VALIDATION: Nature(Severity.MEDIUM, transient=False, stops_job=False),
    ErrorCategory.SCHEMA: Nature(Severity.CRITICAL, transient=False, stops_job=True),
    ErrorCategory.INTERNAL: Nature(Severity.HIGH, transient=False, stops_job=False),
}


class ProviderError(BatchPipelinesError):
    """A call to a model did not give a usable answer.

    `message` is the provider's own, without anything secret; `retry_after_seconds` is what the provider asked for, and
    `limits` what it said about its limits.
    """

    def __init__(
        self,
        category: ErrorCategory,
        message: str,
        retry_after_seconds: float | None = None,
        request_id: str | None = None,
        http_status: int | None = None,
        limits: tuple[LimitReading, ...] = (),
    ) -> None:
        super().__init__(category, message, retry_after_seconds, request_id, http_status, limits)
        self.category = category
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        self.request_id = request_id
        self.http_status = http_status
        self.limits = limits

    def __str__(self) -> str:
        return f"{self.category}: {self.message}"
