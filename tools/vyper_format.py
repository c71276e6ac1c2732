"""Format our Vyper files with mamushi, which compares the syntax before and after.

python -m tools.vyper_format            write
python -m tools.vyper_format --check    only say what would change
"""

from __future__ import annotations

import subprocess
import sys

from tools.paths import ROOT, vyper_files

MAMUSHI = ROOT / ".venv-format" / "bin" / "mamushi"
LINE_LENGTH = 80  # its default; Python here has 100


def main(arguments: list[str]) -> int:
    if not MAMUSHI.exists():
        print("the Vyper formatter is missing: run `make format` or `make lint`", file=sys.stderr)
        return 1
    paths = list(vyper_files())
    if not paths:
        return 0
    options = ["--line-length", str(LINE_LENGTH)]
    return subprocess.run([MAMUSHI, *options, *arguments, *paths], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
