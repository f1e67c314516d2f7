"""Tests of batch_pipelines.control."""
