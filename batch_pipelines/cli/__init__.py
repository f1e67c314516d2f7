"""The command line, `batch-pipelines`."""
