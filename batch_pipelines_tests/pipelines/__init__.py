"""Tests of batch_pipelines.pipelines."""
