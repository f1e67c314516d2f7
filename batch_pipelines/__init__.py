"""Batch Pipelines: language models over many items, as Dagster assets."""
