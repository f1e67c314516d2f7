"""Dagster objects: a job of assets, a check and ops for each pipeline."""
