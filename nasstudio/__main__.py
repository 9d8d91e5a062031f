"""`python -m nasstudio`: the command line, and without a subcommand the window."""

import sys

from nasstudio.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
