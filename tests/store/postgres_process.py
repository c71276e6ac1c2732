"""An embedded PostgreSQL in a process of its own, which a test kills.

python -m tests.store.postgres_process FOLDER      prints the server's id and URL, then waits
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from donablock.store.postgres import EmbeddedPostgres

if __name__ == "__main__":
    server = EmbeddedPostgres(Path(sys.argv[1])).start()
    print(server.pid, server.url, flush=True)
    signal.pause()
