"""Faults on purpose, with real servers, databases, disks and signals; the server's log says what was paid."""
