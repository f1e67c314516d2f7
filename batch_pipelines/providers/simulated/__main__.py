"""`python -m batch_pipelines.providers.simulated`."""

from __future__ import annotations

import sys

from batch_pipelines.providers.simulated.command import main

if __name__ == "__main__":
    sys.exit(main())
