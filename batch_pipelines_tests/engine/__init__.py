"""Tests of the engine: decisions by table, and whole batch jobs against a real server and a real ledger."""
