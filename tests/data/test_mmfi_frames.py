from __future__ import annotations

import numpy as np
import pytest
import scipy.io
from mmfi_tree import write_tree

from csi2pc.csi.mmfi import read_mmfi_folder
from csi2pc.csi.prepare import PrepareConfig, prepare
from csi2pc.csi.windows import windows_at
from csi2pc.data.frames import FrameError
from csi2pc.data.mmfi import index_mmfi
from csi2pc.data.mmfi_frames import MMFiFrames
from csi2pc.data.targets import TargetConfig
from csi2pc.errors import ConfigError, DataError

NAME = "E01/S01/A01"
CONFIG = PrepareConfig()


@pytest.fixture
def root(tmp_path):
    return write_tree(tmp_path, [NAME, "E02/S11/A03"], frames=3, parts=("lidar", "mmwave"))


def source(root, config=CONFIG, **target):
    target = TargetConfig(**{"sensors": ["lidar"], **target})
    return MMFiFrames(index_mmfi(root, sensors=target.sensors).sequences, target, config)


def test_frames_have_labels_and_times(root):
    frames = source(root).frames()
    assert [str(f) for f in frames[:4]] == [f"{NAME}#1", f"{NAME}#2", f"{NAME}#3", "E02/S11/A03#1"]
    assert (frames[1].scene, frames[1].subject, frames[1].action) == ("E01", "S01", "A01")
    assert frames[1].time == pytest.approx(0.15)


def test_a_frame_is_its_own_ten_packets_as_the_whole_sequence_has_them(root):
    frames = source(root)
    whole = prepare(read_mmfi_folder(root / NAME), CONFIG)
    for frame in frames.frames()[:3]:
        sample = frames.sample(frame)
        assert sample.features.shape == (3, 114, 3, 10) and sample.features.dtype == np.float32
        expected = windows_at(whole, np.array([frame.time]), CONFIG)
        np.testing.assert_array_equal(sample.features, expected.features[0])
        np.testing.assert_array_equal(sample.points, frames.points(frame))
    (root / NAME / "wifi-csi/frame001.mat").unlink()
    again = source(root)
    np.testing.assert_array_equal(again.sample(again.frames()[1]).features, sample.features)


@pytest.mark.parametrize(
    "config",
    [
        PrepareConfig(hampel=3),
        PrepareConfig(phase="conjugate_product", smoothing="savitzky_golay", smoothing_window=15),
        PrepareConfig(rate=70.0, smoothing="butterworth", cutoff=25.0, smoothed="complex", tolerance=1.0),
    ],
)
def test_a_filtered_frame_is_that_of_the_whole_sequence(tmp_path, config):
    root = write_tree(tmp_path, [NAME], frames=9, parts=("lidar",))
    (root / NAME / "wifi-csi/frame003.mat").write_bytes(b"cut")
    frames, whole = source(root, config), prepare(read_mmfi_folder(root / NAME), config)
    for frame in frames.frames():
        if frame.index == 3:
            continue
        expected = windows_at(whole, np.array([frame.time]), config)
        got = frames.sample(frame)
        np.testing.assert_allclose(got.features, expected.features[0], atol=1e-3)
        np.testing.assert_array_equal(got.valid, expected.valid[0])


def test_a_still_person_gives_no_radar_points_but_may_be_fused(root):
    (root / NAME / "mmwave/frame002.bin").write_bytes(b"")
    radar = source(root, sensors=["mmwave"])
    with pytest.raises(FrameError, match="0 measured points") as caught:
        radar.sample(radar.frames()[1])
    assert caught.value.reason == "target without points"
    fused = source(root, sensors=["lidar", "mmwave"])
    assert len(fused.points(fused.frames()[1])) == 270


def corrupt(path, name):
    arrays = {k: v for k, v in scipy.io.loadmat(path).items() if k.startswith("CSI")}
    arrays[name][:] = -np.inf if name == "CSIamp" else np.nan
    scipy.io.savemat(path, arrays)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda root: corrupt(root / "wifi-csi/frame001.mat", "CSIamp"), "unreadable wifi-csi file"),
        (lambda root: corrupt(root / "wifi-csi/frame001.mat", "CSIphase"), "unreadable wifi-csi file"),
        (lambda root: (root / "wifi-csi/frame001.mat").write_bytes(b"cut"), "unreadable wifi-csi file"),
        (lambda root: (root / "lidar/frame001.bin").write_bytes(b"cut"), "unreadable lidar file"),
        (lambda root: (root / "lidar/frame001.bin").unlink(), "unreadable lidar file"),
        (lambda root: np.full(12, np.nan).tofile(root / "lidar/frame001.bin"), "unreadable lidar file"),
        (lambda root: np.save(root / "ground_truth.npy", np.full((3, 17, 3), np.nan)), "joints not possible"),
        (lambda root: np.save(root / "ground_truth.npy", np.arange(153.0).reshape(3, 17, 3)), "joints not possible"),
        (lambda root: (root / "ground_truth.npy").unlink(), "unreadable joints"),
    ],
)
def test_damage_is_a_frame_error_with_a_countable_reason(root, damage, reason):
    frames = source(root)
    damage(root / NAME)
    with pytest.raises(FrameError, match="frame001|ground_truth") as caught:
        frames.sample(frames.frames()[0])
    assert caught.value.reason == reason


def test_a_mostly_unmeasured_frame_is_rejected_by_its_window(root):
    path = root / NAME / "wifi-csi/frame001.mat"
    arrays = {k: v for k, v in scipy.io.loadmat(path).items() if k.startswith("CSI")}
    arrays["CSIamp"][:, :80] = -np.inf
    scipy.io.savemat(path, arrays)
    frames = source(root)
    with pytest.raises(FrameError, match="frame001") as caught:
        frames.sample(frames.frames()[0])
    assert "unmeasured" in caught.value.reason


def test_the_layout_is_mmfis_or_what_was_chosen_of_it(root):
    layout = source(root).layout
    assert (len(layout.subcarriers), layout.subcarriers[0], layout.rx, layout.tx) == (114, -58, 3, 1)
    chosen = PrepareConfig(subcarriers=[-58, 2, 58])
    frames = source(root, chosen)
    assert frames.layout.subcarriers == (-58, 2, 58)
    assert frames.sample(frames.frames()[0]).features.shape == (3, 3, 3, 10)
    with pytest.raises(DataError, match="MM-Fi"):
        source(root, PrepareConfig(subcarriers=[0, 2]))
    with pytest.raises(ConfigError, match="at most 0.1 s"):
        source(root, PrepareConfig(window=20, duration=0.2))


def test_the_genuine_frame_becomes_a_sample(root, real_data):
    (root / NAME / "wifi-csi/frame001.mat").write_bytes((real_data / "mmfi" / "frame001.mat").read_bytes())
    frames = source(root)
    sample = frames.sample(frames.frames()[0])
    assert sample.features.shape == (3, 114, 3, 10) and np.isfinite(sample.features).all()
    assert sample.valid.mean() > 0.95
