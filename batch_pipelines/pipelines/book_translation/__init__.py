"""The book translation that ships with the package, and the check that it makes itself."""
