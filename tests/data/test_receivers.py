from __future__ import annotations

import numpy as np
import pytest
from esp32_log import write_log

from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.windows import windows_at
from csi2pc.data.clocks import Clock
from csi2pc.data.receivers import Received, Receiver, common_layout, joint_windows, receive
from csi2pc.errors import ConfigError, DataError
from csi2pc.types import Capture

CONFIG = PrepareConfig(window=5, duration=0.1, phase="none", level="none")


def capture(times, rng, *, rx=1, tx=1, tones=6):
    shape = (len(times), rx * tx, tones)
    csi = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    return Capture(csi, np.ones(shape, bool), np.asarray(times, float), np.arange(tones), rx=rx, tx=tx, device="a")


def received(capture):
    return Received(capture, tuple(capture.subcarriers.tolist()), capture.rx)


def test_a_receivers_packets_come_on_the_sessions_clock(tmp_path, rng):
    path = write_log(tmp_path / "a.csv", np.arange(50) * 0.02, rng)
    plain, moved = (receive(path, clock, {"training_field": "lltf"}, CONFIG) for clock in (Clock(), Clock(7.0, 100.0)))
    np.testing.assert_allclose(moved.capture.timestamps, plain.capture.timestamps * 1.0001 + 7)
    np.testing.assert_array_equal(moved.capture.csi, plain.capture.csi)
    assert moved.captured == tuple(plain.capture.subcarriers) and moved.rx == 1


def test_windows_of_several_receivers_are_those_of_each_side_by_side(rng):
    grid = np.arange(200) * 0.02
    captures = [capture(grid, rng), capture(grid + 0.003, rng), capture(grid[:120], rng)]
    times = np.array([0.5, 1.0, 2.2])
    joint = joint_windows(captures, times, CONFIG)
    np.testing.assert_array_equal(joint.kept, [0, 1, 2])
    for link, one in enumerate(captures):
        alone = windows_at(one, times, CONFIG)
        np.testing.assert_array_equal(joint.features[:, [link]], alone.features)
        np.testing.assert_array_equal(joint.valid[:, [link]], alone.valid)


def test_one_receiver_is_the_plain_case(rng):
    one = capture(np.arange(100) * 0.02, rng, rx=2, tx=2)
    times = np.array([0.5, 1.0, 9.0])
    alone, joint = windows_at(one, times, CONFIG), joint_windows([one], times, CONFIG)
    np.testing.assert_array_equal(joint.features, alone.features)
    assert joint.report == alone.report and len(joint) == 2


def test_receive_antennas_follow_one_another_within_each_transmit_antenna(rng):
    grid = np.arange(100) * 0.02
    one, two = capture(grid, rng, rx=2, tx=2), capture(grid, rng, rx=1, tx=2)
    joint = joint_windows([one, two], np.array([1.0]), CONFIG).features[0]
    a, b = (windows_at(c, np.array([1.0]), CONFIG).features[0] for c in (one, two))
    for tx in range(2):
        for rx in range(3):
            expected = a[tx * 2 + rx] if rx < 2 else b[tx]
            np.testing.assert_array_equal(joint[tx * 3 + rx], expected)
    layout = common_layout({"one": received(one), "two": received(two)}, together=True)
    assert (layout.rx, layout.tx, layout.device) == (3, 2, "a + a")


@pytest.mark.parametrize(("allowed", "kept"), [(0.5, 1), (0.4, 0)])
def test_a_receiver_without_packets_leaves_its_links_invalid(rng, allowed, kept):
    grid = np.arange(100) * 0.02
    captures = [capture(grid, rng), capture(grid[:10], rng)]
    config = PrepareConfig(window=5, duration=0.1, max_unmeasured=allowed)
    joint = joint_windows(captures, np.array([1.0]), config)
    assert len(joint) == kept
    if kept:
        assert joint.valid[0, 0].all() and not joint.valid[0, 1].any()
        nothing = windows_at(captures[0], np.array([1.0]), config).features[0, 0, 0, 1:] * 0
        np.testing.assert_array_equal(joint.features[0, 1, 0, 1:], nothing)  # sine and cosine: no phase
    else:
        assert joint.report.counts == {"more than 40% of the window unmeasured": 1}


def test_no_time_gives_no_window(rng):
    grid = np.arange(100) * 0.02
    assert len(joint_windows([capture(grid, rng), capture(grid, rng)], np.empty(0), CONFIG)) == 0


def test_receivers_of_other_layouts_do_not_go_together(rng):
    grid = np.arange(10) * 0.02
    one = received(capture(grid, rng))
    for other, match in (
        (capture(grid, rng, tx=2), "same transmit antennas; left has 1, right has 2"),
        (capture(grid, rng, tones=4), "same subcarriers"),
    ):
        with pytest.raises(DataError, match=match):
            common_layout({"left": one, "right": received(other)}, together=True)
    more = received(capture(grid, rng, rx=2))
    assert common_layout({"left": one, "right": more}, together=True).rx == 3
    with pytest.raises(DataError, match="same receive antennas"):
        common_layout({"left": one, "right": more}, together=False)
    assert common_layout({"left": one, "right": one}, together=False).rx == 1


def test_a_receiver_names_its_capture():
    with pytest.raises(ConfigError, match="empty text"):
        Receiver("")
