"""Tests of batch_pipelines.domain."""
