"""Answers that fit an output schema, filled from what the request is about."""
