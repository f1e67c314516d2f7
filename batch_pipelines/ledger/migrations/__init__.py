"""Alembic's revisions of the ledger's schema; `schema.migrate` runs them."""
