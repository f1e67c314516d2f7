"""`python -m batch_pipelines.cli`: the command line where its console script is not on the path."""

from __future__ import annotations

import sys

from batch_pipelines.cli.app import main

sys.exit(main())
