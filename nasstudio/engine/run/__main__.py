"""The child process of a job: `python -m nasstudio.engine.run RUN_FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from nasstudio.engine.run.child import main

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
