"""Frozen values and decisions about them; no I/O."""
