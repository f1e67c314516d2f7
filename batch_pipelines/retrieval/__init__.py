"""A project's documents: read, split into passages, indexed and searched."""
