"""What became of a batch job: figures over what the ledger holds, and a report for people."""
