"""What docs/audit says of roles and invariants is complete."""

from __future__ import annotations

import pytest

from donablock.chain.artifacts import contract_names
from tools import audit


@pytest.mark.parametrize("name", contract_names())
def test_roles_name_every_function_that_changes_something(name):
    assert audit.changing_functions(name) - audit.told_functions(name) == set()


@pytest.mark.parametrize("name", contract_names())
def test_roles_name_no_function_that_is_not_there(name):
    assert audit.told_functions(name) - audit.changing_functions(name) == set()


def test_every_invariant_names_a_test_that_carries_its_id():
    assert audit.untested(audit.invariants()) == []


def test_a_missing_test_and_a_missing_id_are_found():
    nowhere = audit.Invariant("NOP-1", "nothing", ("tests/tools/no_such_test.py",))
    elsewhere = audit.Invariant("NOP-" + "2", "nothing", ("tests/tools/test_audit.py",))
    assert len(audit.untested([nowhere, elsewhere])) == 2
