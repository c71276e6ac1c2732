"""python -m donablock: the command `donablock`."""

from __future__ import annotations

import sys

from donablock.cli import main

if __name__ == "__main__":
    sys.exit(main())
