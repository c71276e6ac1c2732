"""No test runs on a contract compiled from other sources than those that are there now."""

from __future__ import annotations

import boa

from tests.contracts import deployers  # noqa: F401  sets titanoboa's cache up

TOP = "# pragma version 0.4.3\n"
BODY = "@internal\n@pure\ndef _number() -> uint256:\n    return {}\n"
INNER = TOP + BODY
OUTER = TOP + "import inner\n\n" + BODY.format("inner._number()")
HOST = TOP + "import outer\n\n@external\ndef number() -> uint256:\n    return outer._number()\n"


def test_a_change_of_a_modules_module_is_compiled(tmp_path):
    (tmp_path / "outer.vy").write_text(OUTER)
    (tmp_path / "host.vy").write_text(HOST)
    for number in (1, 2):
        (tmp_path / "inner.vy").write_text(INNER.format(number))
        assert boa.load(str(tmp_path / "host.vy")).number() == number
