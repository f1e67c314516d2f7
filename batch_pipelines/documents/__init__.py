"""Files that hold a document, as text: text, Markdown and PDF. Start at `reading.read_document`."""
