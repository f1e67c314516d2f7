"""Where results go: files in the formats that people and programs read."""
