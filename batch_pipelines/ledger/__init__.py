"""The ledger: what is true about batch jobs, in one SQL database (SQLite or PostgreSQL). Start at `store.Ledger`."""
