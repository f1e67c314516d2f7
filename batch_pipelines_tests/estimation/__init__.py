"""Tests of batch_pipelines.estimation."""
