"""A disk that becomes full under the journal, the ledger, or both: nothing that was answered is lost (D5)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.transitions import JobStatus, JobTrigger
from batch_pipelines.engine import checkpoints, journal, share
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import configure, stats
from batch_pipelines_tests.engine.samples import JOB, create, drive, make_engine, utc_now
from batch_pipelines_tests.faults.conditions import answered, until
from batch_pipelines_tests.faults.conftest import Serve
from batch_pipelines_tests.faults.disks import Disk, limited_files, small_disk
from batch_pipelines_tests.faults.evidence import check_accounts, check_endings, entries_in

ITEMS = 240
SLOTS = 4
KINDS = ["file system", "file size"]


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """An empty disk of the kind that the test names; a file system of its own takes root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "file size":
        with limited_files(folder) as limited:
            yield limited
        return
    with small_disk(folder) as small:
        if small is None:
            pytest.skip("no file system can be mounted here")
        yield small


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room is made in small steps, so that it ends soon, and a ledger is given up soon."""
    monkeypatch.setattr(journal, "ROOM_STEP_BYTES", 4096)
    monkeypatch.setattr(checkpoints, "GIVE_UP_SECONDS", 0.5)
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.05)


class Places:
    """Where ledger and journal are: on the disk that becomes full, or elsewhere."""

    def __init__(self, full: str, disk: Disk, elsewhere: Path) -> None:
        self.ledger = (disk.folder if full in ("ledger", "both") else elsewhere) / "ledger"
        self.journals = (disk.folder if full in ("journal", "both") else elsewhere) / "journals"
        self.longest = self.ledger if full == "ledger" else self.journals

    def open(self, ahead_seconds: float = 0.0) -> Ledger:
        """The ledger, its clock so far ahead."""
        url = f"sqlite:///{self.ledger / 'ledger.db'}"
        return Ledger.open(url, lambda: utc_now() + timedelta(seconds=ahead_seconds))


# A limit on the size of files is one for all files of the process, so that it spares no ledger.
@pytest.mark.parametrize(
    ("full", "disk"),
    [("journal", "file system"), *((full, kind) for full in ("ledger", "both") for kind in KINDS)],
    indirect=["disk"],
)
async def test_a_full_disk_ends_the_run_and_loses_nothing(
    full: str, disk: Disk, tmp_path: Path, serve: Serve, log_file: Path
) -> None:
    """The run pauses, or ends, with the reason; with room again a later run finds all answers and pays for none of
    them again (A4, D5)."""
    places, server = Places(full, disk, tmp_path), serve(latency_mean_seconds=0.05)
    with places.open() as ledger:
        create(ledger, ITEMS, concurrency=SLOTS)
        with make_engine(ledger, places.journals, server.url) as engine:
            running = asyncio.ensure_future(drive(ledger, engine))
            await until(answered(server.url, SLOTS), running)
            disk.fill(places.longest)
            if full == "journal":
                await running
            else:
                with pytest.raises(LedgerUnavailable, match=r"no space left on its disk|disk I/O error"):
                    await running
        paid = stats(server.url)["answered"]
        disk.make_room()
        configure(server.url, latency_mean_seconds=0)
        if full == "journal":
            close_run(ledger, JOB)
            assert ledger.job(JOB).status is JobStatus.PAUSED
            assert "No space left on device" in str(ledger.job(JOB).error)
            assert ledger.progress(JOB).completed == paid

    with places.open(share.LEASE_SECONDS) as later:
        open_run(later, JOB, "run-2")
        with make_engine(later, places.journals, server.url) as engine:
            await drive(later, engine, run_id="run-2")
        assert close_run(later, JOB).trigger is JobTrigger.COMPLETE
        check_endings(later, JOB, items=ITEMS)
        check_accounts(later, JOB, entries_in(log_file))
    assert SLOTS <= paid < ITEMS == stats(server.url)["answered"]


@pytest.mark.parametrize("disk", KINDS, indirect=True)
async def test_room_that_is_made_in_time_lets_the_run_go_on(
    disk: Disk, tmp_path: Path, serve: Serve, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls go on while the ledger's disk is full, and what they answer is written when it is not (D5)."""
    monkeypatch.setattr(checkpoints, "GIVE_UP_SECONDS", 60.0)
    places, server = Places("ledger", disk, tmp_path), serve(latency_mean_seconds=0.05)
    with places.open() as ledger, make_engine(ledger, places.journals, server.url) as engine:
        create(ledger, ITEMS, concurrency=SLOTS)
        running = asyncio.ensure_future(drive(ledger, engine))
        await until(answered(server.url, SLOTS), running)
        disk.fill(places.longest)
        await until(answered(server.url, stats(server.url)["answered"] + 2 * SLOTS), running)
        unwritten = stats(server.url)["answered"] - ledger.progress(JOB).completed
        disk.make_room()
        configure(server.url, latency_mean_seconds=0)
        await running

        assert unwritten > 0
        assert ledger.progress(JOB).completed == ITEMS == stats(server.url)["answered"]
        check_endings(ledger, JOB, items=ITEMS)
        check_accounts(ledger, JOB, entries_in(log_file))


@pytest.mark.parametrize("disk", ["file system"], indirect=True)
async def test_a_run_that_begins_on_a_full_disk_spends_nothing(disk: Disk, tmp_path: Path, serve: Serve) -> None:
    """Where no call can be noted none is made, and the job pauses with the reason (D5, D6)."""
    places, server = Places("journal", disk, tmp_path), serve()
    with places.open() as ledger, make_engine(ledger, places.journals, server.url) as engine:
        create(ledger, ITEMS, concurrency=SLOTS)
        disk.fill(places.longest)
        await drive(ledger, engine)
        close_run(ledger, JOB)

        assert stats(server.url)["message_requests"] == 0
        assert "No space left on device" in str(ledger.job(JOB).error)
