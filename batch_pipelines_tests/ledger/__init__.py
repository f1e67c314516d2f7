"""Tests of the ledger, over SQLite and PostgreSQL."""
