"""The broker that tests run on is the one that was locked, or none."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tools import kafka


def test_what_is_locked_is_what_is_asked_for():
    locked = kafka.locked()
    assert f"kafka_{kafka.SCALA}-{kafka.VERSION}.jar" in locked
    assert f"slf4j-simple-{kafka.SLF4J}.jar" in locked
    of_kafka = {name for name in locked if re.match(r"kafka[-_]", name)}
    assert all(name.endswith(f"-{kafka.VERSION}.jar") for name in of_kafka)
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in locked.values())


def test_nothing_names_a_place_to_fetch_from():
    for text in (kafka.POM, kafka.PROPERTIES, kafka.LOCK.read_text()):
        assert not re.search(r"https?://|<repositor", text)


def test_a_file_that_is_changed_missing_or_strange_is_named(tmp_path, monkeypatch):
    lock = tmp_path / "lock"
    good = hashlib.sha256(b"good").hexdigest()
    lock.write_text(f"{good}  a.jar\n{good}  b.jar\n{good}  c.jar\n")
    monkeypatch.setattr(kafka, "LOCK", lock)
    for name, content in (("a.jar", b"good"), ("b.jar", b"evil"), ("d.jar", b"strange")):
        (tmp_path / name).write_bytes(content)
    assert kafka.differences(tmp_path) == ["b.jar", "c.jar", "d.jar"]


@pytest.mark.parametrize("missing", ["mvn", "java"])
def test_what_the_machine_lacks_is_said(tmp_path, monkeypatch, capsys, missing):
    for name in {"mvn", "java"} - {missing}:
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'openjdk version \"17.0.1\"' >&2\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kafka, "LIBRARIES", tmp_path / "none")
    assert kafka.main(["fetch"]) == 1
    word = {"mvn": "there is no Maven", "java": "there is no Java on PATH: install version 17"}
    assert word[missing] in capsys.readouterr().err


def test_an_old_java_is_refused(tmp_path, monkeypatch):
    for name in ("mvn", "java"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    why = kafka.why_not()
    assert why is not None and why.startswith("Java 17 or newer is needed, and there is")


def test_an_unknown_command_is_said(capsys):
    assert kafka.main(["nonsense"]) == 2
    assert "no such command: nonsense (test, run, lock, fetch)" in capsys.readouterr().err


def test_its_folder_is_among_what_is_built():
    assert kafka.FOLDER.parent.name == "build" and isinstance(kafka.FOLDER, Path)
