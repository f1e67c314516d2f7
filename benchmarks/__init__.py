"""Speed beside a hand-written reference: `make bench`."""
