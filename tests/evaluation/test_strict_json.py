from dataclasses import dataclass

import pytest

from csi2pc.evaluation.strict_json import exactly, read_json, read_text, write_json


@dataclass(frozen=True)
class Thing:
    name: "str"
    count: "int"
    share: "float | None"
    seeds: "tuple[int, ...]"


GOOD = {"name": "a", "count": 1, "share": None, "seeds": [1, 2]}


def test_round_trip(tmp_path):
    write_json(tmp_path / "x.json", {"version": 2, **GOOD})
    assert exactly(Thing, read_json(tmp_path / "x.json", version=2)) == Thing("a", 1, None, (1, 2))


@pytest.mark.parametrize(
    "change", [{"count": 1.5}, {"count": True}, {"share": "1"}, {"seeds": [1, "2"]}, {"seeds": "12"}, {"more": 1}]
)
def test_other_types_and_fields_are_refused(change):
    with pytest.raises(ValueError, match="must"):
        exactly(Thing, {**GOOD, **change})


def test_nan_another_version_and_no_object_are_refused(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"share": float("nan")})
    for text, message in [
        ('{"version": 1}', "version is not 2"),
        ("[1]", "version is not 2"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1e999}', "beyond every number"),
        (f'{{"a": {"9" * 101}}}', "at most 100 digits"),
        ("[" * 100_000, "nested too deeply"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_json(path, version=2)


def test_text_is_read_up_to_a_bound_and_from_files_alone(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("äbc", encoding="utf-8")
    assert read_text(path, most=4) == "äbc"
    with pytest.raises(ValueError, match="more than 3 bytes"):
        read_text(path, most=3)
    with pytest.raises(ValueError, match="no regular file"):
        read_text(tmp_path)
    with pytest.raises(OSError, match="nowhere"):
        read_text(tmp_path / "nowhere")
