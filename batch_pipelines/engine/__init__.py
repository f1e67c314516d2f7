"""Runs the items of a phase: calls in flight, retries, budget and checkpoints."""
