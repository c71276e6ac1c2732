"""A mapping whose versions stay as they are, against plain dicts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from donablock.monitors.layers import Layers
from tests.monitors.trees import random_cases


def made(content: dict[str, int]) -> Layers[int]:
    edit = Layers[int]().edit()
    for key, value in content.items():
        edit[key] = value
    return edit.done()


def check(layers: Layers[int], content: dict[str, int], others: set[str]) -> None:
    assert len(layers) == len(content)
    assert sorted(layers) == sorted(content)
    for key in content.keys() | others:
        assert layers.get(key) == content.get(key)
        assert (key in layers) == (key in content)
    asked = set(random.Random(0).sample(sorted(content), min(50, len(content)))) | others
    found = layers.among(asked)
    assert found <= asked
    assert {key for key in found if key in layers} == asked & content.keys()


def test_many_changes_of_many_keys() -> None:
    """Long enough that layers are put together at every height."""
    rng = random.Random(1)
    content = {f"k{number}": number for number in range(40_000)}
    layers = made(content)
    check(layers, content, {"k-1"})
    kept = []
    heights = set()
    for step in range(4_000):
        edit = layers.edit()
        for _ in range(rng.choice([1, 1, 1, 40])):
            key = f"k{rng.randrange(60_000)}"
            if rng.random() < 0.5:
                edit[key] = content[key] = step
            else:
                assert edit.pop(key) == content.pop(key, None)
            assert len(edit) == len(content)
        layers = edit.done()
        assert (key in layers.among({key})) >= (key in content), "the newest is found as well"
        heights.add(len(layers._layers))
        if step % 800 == 0:
            kept.append((layers, dict(content)))
            check(layers, content, {f"k{rng.randrange(60_000)}" for _ in range(50)})
    assert heights >= {1, 2}
    for old, as_it_was in kept:
        check(old, as_it_was, {"k-1"})


@random_cases(200)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | st.integers(0, 3)), max_size=4),
        max_size=6,
    )
)
def test_every_version_stays_as_it_was(edits: list[list[tuple[str, int | None]]]) -> None:
    layers, content = Layers[int](), dict[str, int]()
    versions = [(layers, dict(content))]
    for changes in edits:
        edit = layers.edit()
        for key, value in changes:
            if value is None:
                assert edit.pop(key) == content.pop(key, None)
            else:
                edit[key] = content[key] = value
        layers = edit.done()
        versions.append((layers, dict(content)))
    for version, as_it_was in versions:
        check(version, as_it_was, set("abcdef"))


def test_an_edit_that_changes_nothing_makes_no_version() -> None:
    layers = made({"a": 1})
    edit = layers.edit()
    edit.pop("b")
    assert edit.done() is layers


@pytest.mark.parametrize("size", [0, 1, 5_000])
def test_what_is_emptied_is_empty(size: int) -> None:
    layers = made({f"k{number}": number for number in range(size)})
    edit = layers.edit()
    for key in layers:
        edit.pop(key)
    empty = edit.done()
    check(empty, {}, {"k0"})
    assert empty.bytes_used() < 1_000 or size == 5_000
    assert not empty
