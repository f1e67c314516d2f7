"""Launches runs through a Dagster webserver's GraphQL."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

from batch_pipelines.domain.errors import DagsterUnavailable
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.orchestration.names import OWN_PHASES_JOB, job_name
from batch_pipelines.orchestration.own_phases import has_own_phases, own_phases_config
from batch_pipelines.orchestration.tags import tags_of
from batch_pipelines.orchestration.worker import run_config

TIMEOUT_SECONDS = 30
JOBS_QUERY = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }"


class RunningDagster:
    """A webserver that serves our code location; raises DagsterUnavailable where it does not.

    `known` are the pipelines that its code location has jobs for.
    """

    def __init__(self, url: str, known: tuple[Pipeline, ...]) -> None:
        self._url = url.rstrip("/")
        self._known = known

    def check(self, pipeline: Pipeline) -> None:
        """Prove, before anything is made, that the webserver answers and has the job that would run the pipeline."""
        try:
            response = requests.post(f"{self._url}/graphql", json={"query": JOBS_QUERY}, timeout=TIMEOUT_SECONDS)
            response.raise_for_status()
            nodes = response.json()["data"]["repositoriesOrError"].get("nodes", [])
        except requests.RequestException as error:
            raise DagsterUnavailable(self._url, f"does not answer ({type(error).__name__})") from None
        except (KeyError, TypeError, AttributeError):
            raise DagsterUnavailable(self._url, "answers, but not as a Dagster webserver") from None
        wanted = self._job_for(pipeline)
        if all(job["name"] != wanted for node in nodes for job in node["jobs"]):
            raise DagsterUnavailable(self._url, f"serves no job named {wanted!r}")

    def _job_for(self, pipeline: Pipeline) -> str:
        return OWN_PHASES_JOB if has_own_phases(pipeline, self._known) else job_name(pipeline.name)

    def launch(self, job: BatchJob) -> str:
        """Launch a run that drives the batch job; returns the run's id."""
        address = urlsplit(self._url)
        client = DagsterGraphQLClient(
            address.hostname or "",
            port_number=address.port,
            use_https=address.scheme == "https",
            path_prefix=address.path,
            timeout=TIMEOUT_SECONDS,
        )
        name = self._job_for(job.pipeline)
        config = own_phases_config(job) if name == OWN_PHASES_JOB else run_config(job)
        try:
            return client.submit_job_execution(name, run_config=config, tags=tags_of(job))
        except (DagsterGraphQLClientError, requests.RequestException) as error:
            raise DagsterUnavailable(self._url, f"did not launch batch job {job.id} ({error})") from None
