"""Where items come from: files, cloud addresses, documents and earlier batch jobs, one at a time."""
