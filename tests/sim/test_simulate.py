from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.io import loadmat
from scipy.spatial import KDTree

from csi2pc.config import load_config
from csi2pc.data.mmfi import index_mmfi
from csi2pc.data.targets import TargetConfig, sensor_cloud
from csi2pc.errors import ConfigError, DataError
from csi2pc.sim import SimConfig, simulate
from csi2pc.sim.depth import DepthConfig
from csi2pc.sim.lidar import LidarConfig
from csi2pc.sim.motion import MotionConfig
from csi2pc.sim.sequence import FILES, draw, frame_path, sequence_of, sequence_rng

CONFIG = SimConfig(subjects=["S01", "S11"], actions=["A13", "A14"], frames=3, lidar=LidarConfig(azimuth=20.0))
#: Metres: bounds on each sensor's distance to the body: four standard deviations of its noise.
BOUNDS = {"depth": 0.20, "lidar": 0.07, "mmwave": 0.60}


def _hashes(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sim") / "tree"
    report = simulate(CONFIG, root)
    assert report.read == 4 and not report.skipped
    return root


def _cloud(root: Path, sequence, modality: str, frame: int) -> np.ndarray:
    """A sensor's points in the project's frame, by MM-Fi's default extrinsics and intrinsics."""
    path = frame_path(root, sequence, modality, frame)
    if modality == "depth":
        depth = np.array(Image.open(path)) / 1000.0
        rows, columns = np.nonzero(depth)
        z = depth[rows, columns]
        return np.stack([(columns - 320) * z / 386, (rows - 240) * z / 386, z], axis=1)
    if modality == "lidar":
        points = np.fromfile(path).reshape(-1, 3)
        return np.stack([-points[:, 1], -points[:, 2] - 0.2, points[:, 0] + 0.1], axis=1)
    points = np.fromfile(path).reshape(-1, 5)
    return np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)


def _near(points: np.ndarray, places: np.ndarray, *, margin: float) -> np.ndarray:
    low, high = places.min(axis=0) - margin, places.max(axis=0) + margin
    return points[np.all((points > low) & (points < high), axis=1)]


def test_the_tree_is_mm_fis_and_says_that_it_is_synthetic(tree):
    names = set(_hashes(tree))
    expected = {".csi2pc/simulation.json"}
    for sequence in ("E01/S01/A13", "E01/S01/A14", "E02/S11/A13", "E02/S11/A14"):
        expected.add(f"{sequence}/ground_truth.npy")
        for folder, ending in FILES.items():
            expected |= {f"{sequence}/{folder}/frame{frame:03d}.{ending}" for frame in (1, 2, 3)}
    assert names == expected
    record = json.loads((tree / ".csi2pc/simulation.json").read_text())
    assert record["synthetic"] is True and record["seed"] == 0 and record["config"]["frames"] == 3


def test_the_official_toolbox_can_list_it(tree):
    """It takes every entry of the root, of a scene and of a subject for a folder, unless it is hidden."""
    for depth in (1, 2, 3):
        entries = [e for e in tree.glob("/".join("*" * depth)) if not e.relative_to(tree).parts[0].startswith(".")]
        assert entries and all(entry.is_dir() for entry in entries)


def test_csi_files_hold_integers_with_the_rotation_left_in(tree):
    content = loadmat(frame_path(tree, sequence_of("S01", "A13"), "wifi-csi", 1))
    amplitude, phase = content["CSIamp"], content["CSIphase"]
    assert amplitude.shape == phase.shape == (3, 114, 10) and amplitude.dtype == np.float64
    csi = 10 ** (amplitude / 20) * np.exp(1j * phase)
    np.testing.assert_allclose(csi.real, np.rint(csi.real), atol=1e-9)
    np.testing.assert_allclose(csi.imag, np.rint(csi.imag), atol=1e-9)
    across_dc = np.angle(np.sum(csi[:, 57] * np.conj(csi[:, 56])))
    assert across_dc == pytest.approx(np.pi / 2, abs=0.5)


@pytest.mark.parametrize("modality", ["depth", "lidar", "mmwave"])
def test_each_sensors_cloud_lies_on_the_body(tree, modality):
    """Points that are not the room's, in the project's frame, against the surface of the same instant."""
    seen = 0
    for subject in CONFIG.subjects:
        for action in CONFIG.actions:
            sequence = sequence_of(subject, action)
            performance, room = draw(CONFIG, sequence, sequence_rng(CONFIG, sequence))
            for frame in range(1, CONFIG.frames + 1):
                surface = performance.vertices(np.array([(frame - 0.5) * 0.1]))[0]
                points = _near(_cloud(tree, sequence, modality, frame), surface, margin=0.5)
                points = points[points[:, 1] < room.upper[1] - 0.1]  # off the floor
                distance, _ = KDTree(surface).query(points)
                assert np.sum(distance > BOUNDS[modality]) <= 0.005 * len(points)
                seen += len(points)
    assert seen > (10 if modality == "mmwave" else 2000)


@pytest.mark.parametrize("modality", ["depth", "lidar", "mmwave"])
def test_the_projects_loader_reads_the_files_into_the_same_place(tree, modality):
    sequence = sequence_of("S11", "A13")
    for frame in range(1, CONFIG.frames + 1):
        path = frame_path(tree, sequence, modality, frame)
        if path.stat().st_size:
            loaded = sensor_cloud(modality, path, TargetConfig())
            np.testing.assert_allclose(loaded, _cloud(tree, sequence, modality, frame), atol=1e-6)


def test_the_raised_left_hand_is_left_in_every_modality(tmp_path):
    """A13 raises the left hand: above the head, clouds lie at the camera's right, and A14's at its left."""
    config = SimConfig(
        subjects=["S01"], actions=["A13", "A14"], frames=36, modalities=["depth", "lidar", "mmwave"],
        lidar=LidarConfig(azimuth=20.0), motion=MotionConfig(spot_spread=0.0, heading_spread=0.0),
        depth=DepthConfig(disparity_noise=0.02),
    )  # fmt: skip
    simulate(config, tmp_path / "tree")
    for action, side in (("A13", 1.0), ("A14", -1.0)):
        sequence = sequence_of("S01", action)
        joints = np.load(tmp_path / "tree" / str(sequence) / "ground_truth.npy")
        hand, other = (13, 16) if side > 0 else (16, 13)
        highest = int(joints[:, hand, 1].argmin())
        assert joints[highest, hand, 1] < joints[highest, 10, 1] < joints[highest, other, 1]
        assert side * joints[highest, hand, 0] > 0.1
        for modality in ("depth", "lidar"):
            points = _cloud(tmp_path / "tree", sequence, modality, highest + 1)
            points = _near(points, joints[highest], margin=0.3)
            above = points[points[:, 1] < joints[highest, 10, 1] - 0.15]  # higher than the head
            assert len(above) > 3 and np.all(side * above[:, 0] > 0)
        moving = np.concatenate([_cloud(tmp_path / "tree", sequence, "mmwave", frame) for frame in range(1, 37)])
        assert side * np.median(moving[:, 0]) > 0.1


def test_the_joints_are_those_of_the_frames_middle(tree):
    sequence = sequence_of("S01", "A13")
    performance, room = draw(CONFIG, sequence, sequence_rng(CONFIG, sequence))
    joints = np.load(tree / str(sequence) / "ground_truth.npy", allow_pickle=False)
    assert joints.shape == (3, 17, 3) and joints.dtype == np.float32
    np.testing.assert_allclose(joints, performance.posture(np.array([0.05, 0.15, 0.25])).joints, atol=1e-6)
    assert np.all(joints[:, [3, 6], 1] < room.upper[1]) and np.all(joints[:, [3, 6], 1] > room.upper[1] - 0.15)


def test_the_number_of_processes_does_not_change_a_byte(tree, tmp_path):
    simulate(CONFIG, tmp_path / "tree", workers=2)
    assert _hashes(tmp_path / "tree") == _hashes(tree)


def test_a_run_that_was_interrupted_goes_on_and_ends_alike(tree, tmp_path):
    root = tmp_path / "tree"
    shutil.copytree(tree, root)
    kept = frame_path(root, sequence_of("S01", "A14"), "depth", 1)
    stamp = kept.stat().st_mtime_ns
    half = root / "E01/S01/A13"
    (half / "ground_truth.npy").unlink()
    (half / "depth/frame003.png").unlink()
    (half / "depth/.frame003.png.17.part").write_bytes(b"half a file")
    shutil.rmtree(root / "E02")
    report = simulate(CONFIG, root)
    assert _hashes(root) == _hashes(tree)
    assert kept.stat().st_mtime_ns == stamp
    assert "3 sequences simulated, 1 found complete" in report.notes[0]


def test_what_a_kill_left_half_written_does_no_harm(tree, tmp_path):
    root = tmp_path / "tree"
    (root / ".csi2pc").mkdir(parents=True)
    (root / ".csi2pc/.simulation.json.17.part").write_text("{")  # killed before anything else was there
    small = replace(CONFIG, subjects=["S01"], actions=["A13"], modalities=["wifi-csi", "lidar"])
    simulate(small, root)
    wanted = _hashes(root)
    assert not any(name.endswith(".part") for name in wanted) and len(wanted) == 2 + 2 * 3
    for name in (".ground_truth.npy.17.part", "lidar/.frame002.bin.17.part", "wifi-csi/.frame001.mat.17.part"):
        (root / "E01/S01/A13" / name).write_text("half")  # beside complete files
    index = index_mmfi(root, sensors=["lidar"])
    assert (index.report.read, index.report.skipped) == (3, [])
    simulate(small, root)
    assert wanted.items() <= _hashes(root).items()
    (root / ".csi2pc/simulation.json").rename(root / ".csi2pc/.simulation.json.17.part")
    with pytest.raises(ConfigError, match="holds something else"):
        simulate(small, root)
    assert (root / ".csi2pc/.simulation.json.17.part").exists()  # nothing is removed from a folder that is not ours


def test_a_sequence_does_not_depend_on_what_else_is_simulated(tree, tmp_path):
    alone = SimConfig(
        subjects=["S11"], actions=["A14"], frames=3, modalities=["wifi-csi", "lidar"], lidar=CONFIG.lidar
    )
    simulate(alone, tmp_path / "alone")
    whole = _hashes(tree)
    for name, digest in _hashes(tmp_path / "alone").items():
        assert name == ".csi2pc/simulation.json" or whole[name] == digest


def test_another_seed_gives_other_data(tree, tmp_path):
    simulate(replace(CONFIG, seed=1, subjects=["S01"], actions=["A13"]), tmp_path / "other")
    whole = _hashes(tree)
    assert all(whole[name] != digest for name, digest in _hashes(tmp_path / "other").items())


def test_a_folder_with_something_else_is_refused(tree, tmp_path):
    with pytest.raises(ConfigError, match=r"another simulation \(its config.frames is 3, asked for 4\)"):
        simulate(replace(CONFIG, frames=4), tree)
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ConfigError, match="holds something else"):
        simulate(CONFIG, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(ConfigError, match="holds something else"):
        simulate(CONFIG, tmp_path / "thesis.tex")
    with pytest.raises(ConfigError, match="workers must be at least 1; got 0"):
        simulate(CONFIG, tmp_path / "new", workers=0)


def test_the_demos_data_set_runs_and_is_small(project_root, tmp_path):
    config = load_config(project_root / "configs" / "sim_tiny.yaml", SimConfig)
    assert len(config.subjects) * len(config.actions) * config.frames <= 2000
    named = yaml.safe_load((project_root / "configs" / "sim_tiny.yaml").read_text(encoding="utf-8"))
    assert all(getattr(config, name) != getattr(SimConfig(), name) for name in named)  # differences only
    simulate(replace(config, subjects=config.subjects[:1], actions=config.actions[:1], frames=2), tmp_path / "tree")
    assert len(_hashes(tmp_path / "tree")) == 1 + 1 + 2 * len(config.modalities)


def test_a_disk_that_fills_up_leaves_what_is_complete_and_can_go_on(tree, tmp_path, monkeypatch):
    from csi2pc.sim import sequence as module

    root, written = tmp_path / "tree", 0
    original = module.mmfi_writer.write_lidar

    def full(path, points):
        nonlocal written
        written += 1
        if written > 4:
            raise DataError("could not write: No space left on device")
        original(path, points)

    with monkeypatch.context() as patch:
        patch.setattr(module.mmfi_writer, "write_lidar", full)
        with pytest.raises(DataError, match="No space left"):
            simulate(CONFIG, root)
    assert (root / "E01/S01/A13/ground_truth.npy").is_file()
    assert not (root / "E01/S01/A14/ground_truth.npy").is_file()
    simulate(CONFIG, root)
    assert _hashes(root) == _hashes(tree)
