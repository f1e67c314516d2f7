"""The commands and their options; what each does is in the module it calls (requirement F4)."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from batch_pipelines.cli import asking, authoring, browsing, documents, explaining, exporting, running, simulating
from batch_pipelines.cli.output import complain, explain
from batch_pipelines.domain.delivery import Content, DeliveryFormat
from batch_pipelines.domain.errors import BatchPipelinesError
from batch_pipelines.domain.retrieval import MOST_PASSAGES
from batch_pipelines.domain.transitions import ItemStatus, JobStatus
from batch_pipelines.ledger.jobs import JobFilter

app = typer.Typer(
    name="batch-pipelines",
    help="Language models over many items: estimated before, durable during, accounted after.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SpecFile = Annotated[Path, typer.Argument(metavar="SPEC", help="YAML or JSON file that says what to run.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="Id of a batch job, as `list` shows it.")]
LONGEST_CALL_SECONDS = 86_400
INTERRUPTED = 130
ProjectName = Annotated[str, typer.Option("--project", help="Whose documents.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


@app.command()
def pipelines(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this one, with its routes and prompts.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the pipelines with their phases and models."""
    authoring.show_pipelines(name, as_json)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the pipeline: lower-case letters, digits and _.")],
    as_json: AsJson = False,
) -> None:
    """Write a pipeline to start from into the pipelines folder; it runs as it stands."""
    authoring.make_pipeline(name, as_json)


@app.command()
def estimate(
    spec: SpecFile,
    as_json: AsJson = False,
    seconds_per_call: Annotated[
        float | None,
        typer.Option(min=0.001, max=LONGEST_CALL_SECONDS, help="What one call takes; default: by provider."),
    ] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=1, help="Rate limit to reckon with; default: by provider.")
    ] = None,
) -> None:
    """Cost and time of SPEC before spending, and whether the gate would let it pass."""
    asking.show_estimate(spec, as_json, seconds_per_call, requests_per_minute)


@app.command()
def run(
    spec: SpecFile,
    as_json: AsJson = False,
    detach: Annotated[bool, typer.Option("--detach", help="Hand it to the running Dagster and return.")] = False,
) -> None:
    """Submit SPEC and run it to the end on this machine, with live progress."""
    if detach:
        running.submit_spec(spec, as_json)
    else:
        running.run_spec(spec, as_json)


@app.command()
def submit(spec: SpecFile, as_json: AsJson = False) -> None:
    """Submit SPEC to the running Dagster and print the batch job's id."""
    running.submit_spec(spec, as_json)


@app.command()
def resume(job: JobId, as_json: AsJson = False) -> None:
    """Go on with a paused, failed or crashed batch job on this machine; no finished call is repeated."""
    running.resume_job(job, as_json)


@app.command()
def watch(job: JobId, as_json: AsJson = False) -> None:
    """Follow a batch job, wherever it runs, until it ends or pauses."""
    running.watch_job(job, as_json)


@app.command()
def status(job: JobId, as_json: AsJson = False) -> None:
    """Show where a batch job is."""
    browsing.show_status(job, as_json)


@app.command(name="list")
def list_(
    as_json: AsJson = False,
    project: Annotated[str | None, typer.Option(help="Only of this project.")] = None,
    status: Annotated[JobStatus | None, typer.Option(help="Only in this status.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Only of this pipeline.")] = None,
    created_after: Annotated[
        datetime | None, typer.Option(help="Only created after this moment; UTC unless it says.")
    ] = None,
    created_before: Annotated[
        datetime | None, typer.Option(help="Only created before this moment; UTC unless it says.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many at most, 1 to 100.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="How many to pass over.")] = 0,
) -> None:
    """List batch jobs, newest first."""
    after, before = browsing.utc(created_after), browsing.utc(created_before)
    wanted = JobFilter(project, status, pipeline, after, before, limit, offset)
    browsing.show_list(wanted, as_json)


@app.command()
def results(
    job: JobId,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document a line, an item each.")] = False,
    status: Annotated[ItemStatus | None, typer.Option(help="Only items in this status.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="How many items at most; default: all.")] = None,
) -> None:
    """Show the items of a batch job with their outputs."""
    browsing.show_results(job, as_json, status, limit)


@app.command()
def export(
    job: JobId,
    to: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path or cloud address of the file; default: the batch job's own delivery."),
    ] = None,
    format: Annotated[  # noqa: A002  # the option's name
        DeliveryFormat | None, typer.Option(help="How it is written; default: by the ending of PATH.")
    ] = None,
    content: Annotated[
        Content | None, typer.Option(help="What a row is: an item with all that is known of it, or its output.")
    ] = None,
    group_by: Annotated[str | None, typer.Option(help="With markdown: the field of outputs to group by.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write the results of a batch job to a file: JSONL, CSV, Parquet, or a report in Markdown."""
    exporting.export_results(job, to, format, content, group_by, as_json)


@app.command()
def analytics(job: JobId, as_json: AsJson = False) -> None:
    """Show cost, durations, errors and estimate against actual of a batch job."""
    browsing.show_analytics(job, as_json)


@app.command()
def why(
    job: JobId,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="Id of one of its items.")],
    phase: Annotated[str | None, typer.Option(help="Only of this phase.")] = None,
    as_json: AsJson = False,
) -> None:
    """Explain whether an item used kept answers, and what differs from the nearest where it did not."""
    explaining.show_why(job, item, phase, as_json)


@app.command()
def ingest(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, or patterns as `notes/*.md`.")],
    project: ProjectName = "default",
    as_json: AsJson = False,
) -> int:
    """Take text, Markdown and PDF files into a project, for its prompts; of known ones, what is different."""
    return documents.ingest_files(paths, project, as_json)


@app.command(name="documents")
def documents_(
    project: Annotated[str | None, typer.Option(help="Only of this project.")] = None, as_json: AsJson = False
) -> None:
    """List the documents that were taken in."""
    documents.show_documents(project, as_json)


@app.command()
def search(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Words to look for.")],
    project: ProjectName = "default",
    limit: Annotated[int, typer.Option(min=1, max=MOST_PASSAGES, help="How many passages at most.")] = 5,
    source: Annotated[list[str] | None, typer.Option(help="Only of sources that fit, as `characters/*`.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the passages of a project's documents that fit QUERY best."""
    documents.show_found(query, project, limit, tuple(source or ()), as_json)


@app.command()
def forget(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source, as `documents` shows it; or a pattern.")],
    project: ProjectName = "default",
    as_json: AsJson = False,
) -> None:
    """Remove a document from a project, with its passages and vectors."""
    documents.forget_documents(source, project, as_json)


@app.command()
def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes any free one.")] = 8765,
    config: Annotated[
        str | None, typer.Option(help="Latency, tokens and faults: JSON, or the path of a JSON file.")
    ] = None,
    log_file: Annotated[Path | None, typer.Option(help="JSONL file to which every answered request is added.")] = None,
) -> None:
    """Run the simulated provider alone, until interrupted."""
    simulating.serve(port, config, log_file)


def main(arguments: Sequence[str] | None = None) -> int:
    """The console script; returns the exit code, or raises SystemExit with it.

    Our own errors end with their sentence, and with `--json` also with a document on standard output.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character shows another; it does not end the command.
            stream.reconfigure(errors="replace")
    try:
        code = app(arguments, standalone_mode=False)
    except BatchPipelinesError as error:
        explain(error, as_json=as_json)
        return error.exit_code
    except typer.TyperException as error:
        # Empty where there was no command at all: the help is on the screen already.
        if message := error.format_message().rstrip("."):
            complain(f"{message}; see `batch-pipelines --help`", error.exit_code, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return code if isinstance(code, int) else 0
