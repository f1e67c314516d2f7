"""Adapters to whoever serves models."""
