"""Shipped pipelines are run as whole jobs: by the real command, against a real server."""

from __future__ import annotations

from batch_pipelines_tests.acceptance.conftest import deploy as deploy
