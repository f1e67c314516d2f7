"""Launches runs through a Dagster webserver's GraphQL."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from dagster_graphql import DagsterGraphQLClient, DagsterGraphQLClientError

from batch_pipelines.domain.errors import DagsterUnavailable
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.orchestration.tags import tags_of
from batch_pipelines.orchestration.worker import run_config

TIMEOUT_SECONDS = 30
JOBS_QUERY = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }"


class RunningDagster:
    """A webserver that serves our code location; raises DagsterUnavailable where it does not."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def check(self, pipeline_name: str) -> None:
        """Prove, before anything is made, that the webserver answers and knows the pipeline's job."""
        try:
            response = requests.post(f"{self._url}/graphql", json={"query": JOBS_QUERY}, timeout=TIMEOUT_SECONDS)
            response.raise_for_status()
            nodes = response.json()["data"]["repositoriesOrError"].get("nodes", [])
        except requests.RequestException as error:
            raise DagsterUnavailable(self._url, f"does not answer ({type(error).__name__})") from None
        except (KeyError, TypeError, AttributeError):
            raise DagsterUnavailable(self._url, "answers, but not as a Dagster webserver") from None
        if all(job["name"] != pipeline_name for node in nodes for job in node["jobs"]):
            raise DagsterUnavailable(self._url, f"serves no job named {pipeline_name!r}")

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
        try:
            return client.submit_job_execution(job.pipeline.name, run_config=run_config(job), tags=tags_of(job))
        except (DagsterGraphQLClientError, requests.RequestException) as error:
            raise DagsterUnavailable(self._url, f"did not launch batch job {job.id} ({error})") from None
