"""The ledger as everybody uses it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from batch_pipelines.ledger.answers import Answers
from batch_pipelines.ledger.checkpoints import Checkpoints
from batch_pipelines.ledger.database import open_engine
from batch_pipelines.ledger.documents import Documents
from batch_pipelines.ledger.items import Items
from batch_pipelines.ledger.jobs import Jobs
from batch_pipelines.ledger.leases import Leases
from batch_pipelines.ledger.limits import RateLimits
from batch_pipelines.ledger.notes import Notes
from batch_pipelines.ledger.passage_search import PassageSearch
from batch_pipelines.ledger.queries import Queries
from batch_pipelines.ledger.requests import Requests
from batch_pipelines.ledger.results import Results
from batch_pipelines.ledger.schema import migrate
from batch_pipelines.ledger.section import Clock
from batch_pipelines.ledger.spending import Spendings
from batch_pipelines.ledger.vectors import Vectors


class Ledger(
    Jobs,
    Requests,
    Items,
    Checkpoints,
    Queries,
    Spendings,
    Results,
    Answers,
    Leases,
    RateLimits,
    Notes,
    Documents,
    PassageSearch,
    Vectors,
):
    """Everything that is true about batch jobs, in one SQL database.

    Threads and processes may use it at once. Every method is one transaction: it happened whole when the method
    returns, and not at all when it raises. Any method raises LedgerUnavailable where the database cannot be used.
    """

    @classmethod
    def open(cls, url: str, clock: Clock) -> Self:
        """Open the database of this URL, made or upgraded where it must be.

        Raises InvalidInput for a URL of no use, LedgerUnavailable for a database that cannot be used.
        """
        engine = open_engine(url)
        try:
            migrate(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, clock)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
