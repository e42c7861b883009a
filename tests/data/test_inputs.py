from __future__ import annotations

import os

import pytest
import yaml
from mmfi_tree import write_tree

from csi2pc.data.dataset import DataConfig
from csi2pc.data.inputs import MANIFEST, changed_inputs, find_inputs, fingerprint
from csi2pc.data.targets import TargetConfig
from csi2pc.errors import DataError


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path / "mmfi", ["E01/S01/A01", "E01/S01/A02"], parts=("lidar", "mmwave"))


def recorded(config):
    return {name: fingerprint(path) for name, path in find_inputs(config).items()}


def test_inputs_of_mmfi_are_what_the_target_needs_of_the_protocol(root):
    config = DataConfig(root=str(root), target=TargetConfig(sensors=["lidar"]))
    parts = ("wifi-csi", "lidar", "ground_truth.npy")
    assert list(find_inputs(config)) == [f"E01/S01/A0{a}/{part}" for a in (1, 2) for part in parts]
    config = DataConfig(root=str(root), protocol="P1", target=TargetConfig(sensors=["mmwave"], crop="none"))
    assert list(find_inputs(config)) == ["E01/S01/A02/wifi-csi", "E01/S01/A02/mmwave"]
    assert find_inputs(DataConfig()) == {} == find_inputs(DataConfig(root="nowhere"))


def test_edited_new_and_lost_files_are_noticed_and_copied_ones_are_not(root):
    config = DataConfig(root=str(root), target=TargetConfig(sensors=["lidar"]))
    before = recorded(config)
    file = root / "E01/S01/A01/lidar/frame001.bin"
    os.utime(file, ns=(1, 1))  # as a copy has it
    (root / "E01/S01/A01/lidar/.hidden").write_text("")
    assert changed_inputs(before, find_inputs(config)) == []
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    (root / "E01/S01/A02/wifi-csi/frame003.mat").write_bytes(b"new")
    (root / "E01/S01/A02/ground_truth.npy").unlink()
    write_tree(root, ["E01/S02/A01"], parts=("lidar",))
    assert changed_inputs(before, find_inputs(config)) == [
        "E01/S01/A02/ground_truth.npy is gone",
        *(f"E01/S02/A01/{name} is new" for name in ("ground_truth.npy", "lidar", "wifi-csi")),
        "E01/S01/A01/lidar has changed",
        "E01/S01/A02/wifi-csi has changed",
    ]


def test_inputs_of_recordings_are_whatever_the_manifest_and_its_tables_name(tmp_path):
    names = ["a/1.csv", "a/2.csv", "room.ply", "clouds/0.ply", "clouds/1.ply", "depth/0.png", "masks/m_2.png"]
    names += ["notes.txt", "b.c/x"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("CSI_DATA,clouds.1\n")
    (tmp_path / "clouds" / "times.csv").write_text("cloud,time\n0.ply,0.5\n1.ply,0.6\nmissing.ply,1\n")
    session = {
        "id": "b.c", "captures": ["a/*.csv", "none/*.csv"], "scene": "notes.txt", "reader": {"x": "notes.txt"},
        "target": {"cloud": "room.ply", "stream": {"folder": "depth", "table": "clouds/times.csv", "rate": 3,
                   "masks": "masks/m_{time_ms}.png"}},
    }  # fmt: skip
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(yaml.safe_dump({"name": "notes.txt", "sessions": [session]}))
    config = DataConfig(kind="recordings", manifest=str(manifest))
    expected = {MANIFEST, *names[:5], "depth", "masks/m_2.png", "clouds/times.csv"}
    assert set(find_inputs(config)) == expected
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    config = DataConfig(kind="recordings", manifest=str(moved / "manifest.yaml"), root=str(moved))
    assert set(find_inputs(config)) == expected
    assert find_inputs(DataConfig(kind="recordings", manifest=str(manifest))) == {}
    (moved / "manifest.yaml").write_text("[")
    with pytest.raises(DataError, match="not a readable YAML"):
        find_inputs(config)


def test_what_is_gone_has_no_fingerprint(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        fingerprint(tmp_path / "gone")
