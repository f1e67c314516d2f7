"""`dg scaffold defs batch_pipelines.BatchPipeline NAME`: a folder with a pipeline that runs as it stands."""

from __future__ import annotations

from typing import Any

import dagster as dg

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.pipelines.scaffolding import scaffold_files


class BatchPipelineScaffolder(dg.Scaffolder[Any]):
    """Writes the files of a new pipeline, which is named after its folder."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """Raises InvalidInput for a name that no pipeline can have, and for Python in place of YAML."""
        if request.scaffold_format != "yaml":
            raise InvalidInput("--format", request.scaffold_format, "is not how a pipeline is written", "use yaml")
        if request.append:
            raise InvalidInput("target", str(request.target_path), "holds a component", "choose a folder of its own")
        for path, text in scaffold_files(request.target_path.name).items():
            file = request.target_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
