"""How errors name a field: by file and line where there is a file, else by its name alone."""

from __future__ import annotations

from dataclasses import dataclass

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.pipelines.reading import Location, Source, field_name


@dataclass(frozen=True)
class Places:
    """Names of the fields of one pipeline."""

    source: Source | None = None
    """The file that they stand in; None for fields of a spec or of Python code."""
    whole: str = "pipeline"
    """What all of it is called."""

    def field(self, location: Location) -> str:
        """A field's own name: `phases.0.prompt`."""
        return field_name(location, self.whole)

    def name(self, location: Location, *, text_line: int | None = None) -> str:
        """`defs.yaml, line 7: phases.0.prompt`, where there is a file; `text_line` is a line of the text there."""
        if self.source is None:
            within = f", line {text_line}" if text_line is not None else ""
            return self.field(location) + within
        line = self.source.line(location) if text_line is None else self.source.text_line(location, text_line)
        return f"{self.source.path}, line {line}: {self.field(location)}"

    def refuse(self, location: Location, value: object, problem: str, remedy: str) -> InvalidInput:
        """The error about a field, to raise."""
        return InvalidInput(self.name(location), value, problem, remedy)
