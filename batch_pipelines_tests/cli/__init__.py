"""Tests of batch_pipelines.cli."""
