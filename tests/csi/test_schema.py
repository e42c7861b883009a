"""A schema that cannot be right says so before any file is read."""

import dataclasses
import re

import pytest

from csi2pc.csi.schema import EXAMPLE, CaptureSchema, schema_of
from csi2pc.errors import ConfigError, DataError

GOOD = {"csi": "H", "timestamps": "t", "subcarriers": "HT40"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"csi": None}, "must name the CSI in one way: .* got none of them"),
        ({"real": "I", "imag": "Q"}, "got csi, real, imag"),
        ({"csi": None, "real": "I"}, "got real"),
        ({"csi": None, "amplitude": "A"}, "got amplitude"),
        ({"rate": 10.0}, "timestamps .* or rate .*, not both or none"),
        ({"timestamps": None}, "timestamps .* or rate .*, not both or none"),
        ({"rate": -1.0, "timestamps": None}, "rate must be a number greater than 0; got -1"),
        ({"rate": True, "timestamps": None}, "rate must be a number"),
        ({"time_unit": "minutes"}, "time_unit must be one of s, ms, us, ns; got 'minutes'"),
        ({"amplitude_unit": "db"}, "amplitude_unit must be one of linear, dB"),
        ({"rotation": "HT20"}, "rotation must be one of undone, HT40, VHT80"),
        ({"axes": "packet antenna"}, "axes must be words of packet, rx"),
        ({"axes": "packet rx rx"}, "each at most once"),
        ({"axes": "packet link rx"}, "must have link .* or rx and tx, not both"),
        ({"axes": ["packet"]}, "axes must be a text"),
        ({"csi": None, "real": "I", "imag": "Q", "axes": "packet iq"}, "an axis iq .* needs one array"),
        ({"subcarriers": ""}, "subcarriers must be a list of whole numbers, the name of an array, or one of LEGACY20"),
        ({"subcarriers": [1.5]}, "subcarriers must be a list of whole numbers"),
        ({"csi": 3}, "csi must be a name in the file; got 3"),
        ({"rx": 0}, "rx must be a whole number greater than 0"),
        ({"fields": "rssi"}, "fields must be a list"),
        ({"synthetic": "yes"}, "synthetic must be true or false"),
    ],
)
def test_values_that_cannot_be(change, message):
    with pytest.raises(ConfigError, match=message):
        schema_of({**GOOD, **change})


def test_a_schema_from_anywhere(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("{csi: H, timestamps: t, subcarriers: [-1, 1], fields: [x]}")
    schema = schema_of(path)
    assert schema == schema_of(schema) == CaptureSchema(csi="H", timestamps="t", subcarriers=[-1, 1], fields=["x"])
    assert schema.arrays == ["H", "t", "x"] and schema_of({**GOOD, "subcarriers": "k"}).arrays == ["H", "t", "k"]
    path.write_text(EXAMPLE)
    assert schema_of(path).words == ["packet", "rx", "subcarrier"]


def test_the_examples_of_the_document(project_root, tmp_path):
    text = (project_root / "docs" / "captures.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^    # \w+\.yaml\n((?:    .+\n)+)", text, flags=re.MULTILINE)
    assert len(blocks) == 3
    for block in blocks:
        (tmp_path / "s.yaml").write_text(block.replace("\n    ", "\n")[4:])
        assert schema_of(tmp_path / "s.yaml").arrays
    for name in [field.name for field in dataclasses.fields(CaptureSchema)]:
        assert f"`{name}`" in text


@pytest.mark.parametrize("content", ["a: [", "a: !!python/object/apply:os.system [ls]", "\0", "[" * 5000])
def test_files_that_are_no_yaml(tmp_path, content):
    (tmp_path / "s.yaml").write_text(content)
    with pytest.raises(DataError, match=r"s\.yaml is not a readable YAML file"):
        schema_of(tmp_path / "s.yaml")
    with pytest.raises(DataError, match="the schema cannot be read"):
        schema_of(tmp_path / "none.yaml")
