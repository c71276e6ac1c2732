"""Format our Vyper files with mamushi, which compares the syntax before and after.

mamushi 0.1.2 has a fault: where two or more blocks end at once, it pulls a comment that belongs to
the statement after them into one of those blocks, and a second run adds an empty line. A comment on
a line of its own therefore gets the indentation back that it had.

    python -m tools.vyper_format            write
    python -m tools.vyper_format --check    only say what would change
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import tokenize
from pathlib import Path

from tools.paths import ROOT, vyper_files

MAMUSHI = ROOT / ".venv-format" / "bin" / "mamushi"
LINE_LENGTH = 80  # its default; Python here has 100


class FormatError(Exception):
    """mamushi refused a file, or gave one back that lacks a comment: nothing was written."""


def comment_lines(source: str) -> list[int]:
    """Indices of the lines that are a comment of their own, outside of brackets."""
    found, depth = [], 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.OP:
            depth += (token.string in "([{") - (token.string in ")]}")
        elif token.type == tokenize.COMMENT and depth == 0 and token.line.lstrip()[:1] == "#":
            found.append(token.start[0] - 1)
    return found


def with_comments_where_they_were(source: str, formatted: str) -> str:
    """The formatted text, its comment lines indented as in the source."""
    before, after = source.splitlines(), formatted.splitlines()
    old, new = comment_lines(source), comment_lines(formatted)
    if len(old) != len(new):
        raise FormatError(f"{len(old)} comments went in, {len(new)} came out")
    for was, now in zip(old, new, strict=True):
        indentation = before[was][: len(before[was]) - len(before[was].lstrip())]
        after[now] = indentation + after[now].lstrip()
    return "\n".join(after) + "\n" if after else ""


def formatted(paths: list[Path]) -> dict[Path, str]:
    """What each file should look like."""
    texts = {path: path.read_text("ascii") for path in paths}
    with tempfile.TemporaryDirectory() as folder:
        copies = {path: Path(folder, str(i) + path.suffix) for i, path in enumerate(paths)}
        for path, copy in copies.items():
            copy.write_text(texts[path])
        done = subprocess.run(
            [MAMUSHI, "--line-length", str(LINE_LENGTH), *copies.values()],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            message = done.stderr
            for path, copy in copies.items():
                message = message.replace(str(copy), str(path))
            raise FormatError(message)
        return {
            path: with_comments_where_they_were(texts[path], copy.read_text())
            for path, copy in copies.items()
        }


def main(arguments: list[str]) -> int:
    if not MAMUSHI.exists():
        print("the Vyper formatter is missing: run `make format` or `make lint`", file=sys.stderr)
        return 1
    check = "--check" in arguments
    paths = [Path(a).resolve() for a in arguments if a != "--check"] or list(vyper_files())
    try:
        wanted = formatted(paths) if paths else {}
    except FormatError as error:
        print(error, file=sys.stderr)
        return 1
    changed = [path for path in paths if path.read_text() != wanted[path]]
    for path in changed:
        if not check:
            path.write_text(wanted[path])
        print("would reformat" if check else "reformatted", path.relative_to(ROOT))
    print(f"{len(paths)} Vyper files, {len(changed)} {'to format' if check else 'formatted'}")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
