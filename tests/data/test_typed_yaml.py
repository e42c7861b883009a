from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from csi2pc.data.typed_yaml import read_typed_yaml
from csi2pc.errors import ConfigError, DataError


@dataclass(frozen=True)
class Inner:
    size: float
    kind: Literal["a", "b"] = "a"

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ConfigError(f"size must not be negative; got {self.size}")


@dataclass(frozen=True)
class Outer:
    name: str
    items: list[Inner] = field(default_factory=list)
    either: list[float] | str | None = None
    anything: dict[str, Any] = field(default_factory=dict)
    by_name: dict[str, Inner] | None = None


def read(tmp_path, text: str) -> Outer:
    (tmp_path / "a.yaml").write_text(text)
    return read_typed_yaml(Outer, tmp_path / "a.yaml")


def test_nested_values_arrive_typed(tmp_path):
    assert read(tmp_path, "name: x") == Outer("x")
    outer = read(tmp_path, "{name: x, items: [{size: 1}, {size: 2.5, kind: b}], either: [1, 2], anything: {k: [1]}}")
    assert outer == Outer("x", [Inner(1.0), Inner(2.5, "b")], [1.0, 2.0], {"k": [1]})
    assert isinstance(outer.items[0].size, float)
    assert read(tmp_path, "{name: x, by_name: {a: {size: 1}}}").by_name == {"a": Inner(1.0)}
    assert read(tmp_path, "{name: x, either: text}").either == "text"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{name: x, nmae: y}", "unknown key 'nmae'; allowed are name, items, either, anything, by_name"),
        ("{items: []}", "the key 'name' is missing"),
        ("{name: 3}", "name must be a text; got 3"),
        ("{name: x, items: {size: 1}}", "items must be a list"),
        ("{name: x, items: [{size: one}]}", r"items\[0\]: size must be a number; got 'one'"),
        ("{name: x, items: [{size: true}]}", "must be a number; got True"),
        ("{name: x, items: [{size: 1, kind: c}]}", "kind must be one of a, b; got 'c'"),
        ("{name: x, items: [{size: 1}, {size: -1}]}", r"items\[1\]: size must not be negative"),
        ("{name: x, items: [3]}", "a mapping with size, kind"),
        ("{name: x, by_name: {a: {size: 1}, b: {size: -1}}}", "by_name: b: size must not be negative"),
        ("{name: x, by_name: [1]}", "a mapping of names or nothing"),
        ("{name: x, by_name: {3: {size: 1}}}", "keys are texts; got 3"),
        ("{name: x, items: [{size: 1e-3}]}", "size must be a number; got '1e-3': write it as 0.001"),
        ("{name: 2026-05-01}", "a text; got datetime.date.*put it in quotes"),
        ("{name: x, either: 3}", "a list or a text or nothing"),
        ("[1, 2]", "a mapping with name"),
        ("", "a mapping with name"),
    ],
)
def test_what_does_not_fit_says_where_and_what_would(tmp_path, text, match):
    with pytest.raises(ConfigError, match=match):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["{", "name: !!python/object/apply:os.getcwd []"])
def test_what_is_no_plain_yaml_is_refused_and_never_run(tmp_path, text):
    with pytest.raises(DataError, match="a.yaml"):
        read(tmp_path, text)


def test_a_missing_or_binary_file(tmp_path):
    with pytest.raises(DataError, match="none.yaml does not exist"):
        read_typed_yaml(Outer, tmp_path / "none.yaml")
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="b.yaml"):
        read_typed_yaml(Outer, tmp_path / "b.yaml")


@pytest.mark.parametrize("text", ["{name: x, name: y}", "name: x\nitems: [{size: 1, size: 2}]", "name: 2026-99-99"])
def test_keys_that_stand_twice_and_dates_that_are_none(tmp_path, text):
    with pytest.raises(DataError, match="stands twice|month|not a readable"):
        read(tmp_path, text)
