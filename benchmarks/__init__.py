"""What the engine must reach, measured: `make bench`, or `python -m benchmarks ROW`."""
