"""Services that every entry point calls: read, plan, estimate, submit, settle, report status."""
