"""Answers by kind of work. Each module prepares what a request asks for, and then drafts as many answers as wanted."""
