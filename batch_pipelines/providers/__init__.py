"""Adapters to whoever serves models. Importing this package loads none of them: the SDK alone takes over a second."""
