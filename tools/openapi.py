"""Keep the OpenAPI document of the API as docs/openapi.json, for whoever makes a client of it.

python -m tools.openapi          write it
python -m tools.openapi --check  only say whether it is current (exit 1)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from donablock.web.app import bare
from tools.paths import ROOT

FILE = ROOT / "docs" / "openapi.json"


def expected() -> str:
    """The document as it is kept: one line for each thing, so that a difference shows what
    changed."""
    return json.dumps(bare().openapi(), indent=1, ensure_ascii=False) + "\n"


def is_current() -> bool:
    return FILE.exists() and FILE.read_text(encoding="utf-8") == expected()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if not current")
    if parser.parse_args(arguments).check:
        if not is_current():
            print(
                "docs/openapi.json is not current; run `python -m tools.openapi`", file=sys.stderr
            )
            return 1
        return 0
    if not is_current():
        FILE.write_text(expected(), encoding="utf-8")
        print("docs/openapi.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
