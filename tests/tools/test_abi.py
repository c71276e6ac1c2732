"""The ABIs under interfaces/ are those of the source."""

from __future__ import annotations

from tools import abi


def test_interfaces_hold_the_abi_of_every_contract():
    assert abi.outdated() == [], "run `make abi`"


def test_a_changed_abi_and_a_left_over_file_are_found(tmp_path, monkeypatch):
    (tmp_path / "Gone.json").write_text("[]\n")
    (tmp_path / "Giving.json").write_text("[]\n")
    monkeypatch.setattr(abi, "FOLDER", tmp_path)
    assert {"Gone.json", "Giving.json"} <= set(abi.outdated())
    abi.write()
    assert abi.outdated() == []
    assert not (tmp_path / "Gone.json").exists()
