"""The only place that says how statuses change (requirements A2, A3).

A trigger always leads to the same status; the tables say from where it may be pulled.
"""

from __future__ import annotations

from enum import StrEnum

from batch_pipelines.domain.errors import IllegalMove


class JobStatus(StrEnum):
    """Where a batch job is in its life."""

    PENDING = "pending"
    """Created; nothing was spent."""
    RUNNING = "running"
    """A run works on it."""
    PAUSED = "paused"
    """Drained: no call is in flight, and it can be resumed."""
    RETRYING = "retrying"
    """Failed before, and about to run again."""
    COMPLETED = "completed"
    """Every item ended, perhaps some of them as failed."""
    FAILED = "failed"
    """Ended early: refused, stopped at an item, or unable to go on."""
    CANCELLED = "cancelled"
    """Its owner ended it."""

    @property
    def is_final(self) -> bool:
        """Whether no run will change it unless its owner asks."""
        return self.is_over or self is JobStatus.FAILED

    @property
    def is_over(self) -> bool:
        """Whether nothing changes it any more, whoever asks."""
        return self in (JobStatus.COMPLETED, JobStatus.CANCELLED)


class JobTrigger(StrEnum):
    """What moves a batch job."""

    START = "start"
    DRAIN = "drain"
    RESUME = "resume"
    COMPLETE = "complete"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"


class ItemStatus(StrEnum):
    """Where an item is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    """At least one of its calls was started and it has not ended."""
    RETRYING = "retrying"
    """Failed before, and about to run again because its owner asked."""
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing more will be done for it unless its owner asks."""
        return self not in (ItemStatus.PENDING, ItemStatus.RUNNING, ItemStatus.RETRYING)


class ItemTrigger(StrEnum):
    """What moves an item."""

    START = "start"
    COMPLETE = "complete"
    FAIL = "fail"
    SKIP = "skip"
    CANCEL = "cancel"
    RETRY = "retry"
    RELEASE = "release"
    """Its run stopped between two of its calls; what it finished is kept."""


JOB_TARGETS: dict[JobTrigger, JobStatus] = {
    JobTrigger.START: JobStatus.RUNNING,
    JobTrigger.DRAIN: JobStatus.PAUSED,
    JobTrigger.RESUME: JobStatus.RUNNING,
    JobTrigger.COMPLETE: JobStatus.COMPLETED,
    JobTrigger.FAIL: JobStatus.FAILED,
    JobTrigger.CANCEL: JobStatus.CANCELLED,
    JobTrigger.RETRY: JobStatus.RETRYING,
}

JOB_SOURCES: dict[JobTrigger, frozenset[JobStatus]] = {
    JobTrigger.START: frozenset({JobStatus.PENDING, JobStatus.RETRYING}),
    JobTrigger.DRAIN: frozenset({JobStatus.RUNNING}),
    JobTrigger.RESUME: frozenset({JobStatus.PAUSED}),
    JobTrigger.COMPLETE: frozenset({JobStatus.RUNNING}),
    # A pending job fails when its estimate is refused.
    JobTrigger.FAIL: frozenset({JobStatus.PENDING, JobStatus.RUNNING, JobStatus.RETRYING}),
    JobTrigger.CANCEL: frozenset({JobStatus.PENDING, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.RETRYING}),
    JobTrigger.RETRY: frozenset({JobStatus.FAILED}),
}

ITEM_TARGETS: dict[ItemTrigger, ItemStatus] = {
    ItemTrigger.START: ItemStatus.RUNNING,
    ItemTrigger.COMPLETE: ItemStatus.COMPLETED,
    ItemTrigger.FAIL: ItemStatus.FAILED,
    ItemTrigger.SKIP: ItemStatus.SKIPPED,
    ItemTrigger.CANCEL: ItemStatus.CANCELLED,
    ItemTrigger.RETRY: ItemStatus.RETRYING,
    ItemTrigger.RELEASE: ItemStatus.PENDING,
}

ITEM_SOURCES: dict[ItemTrigger, frozenset[ItemStatus]] = {
    ItemTrigger.START: frozenset({ItemStatus.PENDING, ItemStatus.RETRYING}),
    ItemTrigger.COMPLETE: frozenset({ItemStatus.RUNNING}),
    ItemTrigger.FAIL: frozenset({ItemStatus.RUNNING}),
    ItemTrigger.SKIP: frozenset({ItemStatus.PENDING, ItemStatus.RUNNING}),
    ItemTrigger.CANCEL: frozenset({ItemStatus.PENDING, ItemStatus.RUNNING, ItemStatus.RETRYING}),
    ItemTrigger.RETRY: frozenset({ItemStatus.FAILED}),
    ItemTrigger.RELEASE: frozenset({ItemStatus.RUNNING}),
}


def move_job(batch_job_id: str, status: JobStatus, trigger: JobTrigger) -> JobStatus:
    """The status that `trigger` leads to from `status`; raises IllegalMove."""
    target = JOB_TARGETS[trigger]
    if status not in JOB_SOURCES[trigger]:
        raise IllegalMove(f"batch job {batch_job_id}", status, target)
    return target


def move_item(item_id: str, status: ItemStatus, trigger: ItemTrigger) -> ItemStatus:
    """The status that `trigger` leads to from `status`; raises IllegalMove."""
    target = ITEM_TARGETS[trigger]
    if status not in ITEM_SOURCES[trigger]:
        raise IllegalMove(f"item {item_id}", status, target)
    return target
