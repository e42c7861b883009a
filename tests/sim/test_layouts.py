"""Other radios than MM-Fi's: layouts, several receivers, capture files, the manifest, and training on it all."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from meshes import steady

from csi2pc.config import OptimiserConfig, RunConfig, TrainingConfig
from csi2pc.csi import read_capture
from csi2pc.csi.prepare import PrepareConfig
from csi2pc.data.dataset import DataConfig
from csi2pc.data.recordings import read_manifest
from csi2pc.data.targets import TargetConfig
from csi2pc.engine.train import train
from csi2pc.errors import ConfigError
from csi2pc.losses.criterion import TermConfig
from csi2pc.models.csi2pc import CSI2PCConfig
from csi2pc.sim import SimConfig, simulate, verify
from csi2pc.sim.channel import LAYOUTS, RadioConfig, body_response, static_response
from csi2pc.sim.hardware import HardwareConfig
from csi2pc.sim.lidar import LidarConfig
from csi2pc.sim.room import RoomConfig
from csi2pc.sim.sequence import sequence_of, write_sequence

ROOM = RoomConfig(order=1)
ESP32 = RadioConfig(rx=[[1.6, -0.15, 3.05]], layout="lltf", frequency=2.437e9, device="simulated-esp32")
SEVERAL = replace(ESP32, receivers={"left": [[1.6, 0.2, 4.0], [1.6, 0.2, 4.06]]}, further_tx=[[-1.6, -0.15, 2.81]])
CONFIG = SimConfig(
    subjects=["S01"], actions=["A13", "A14", "A12", "walk"], frames=4, modalities=["wifi-csi", "lidar", "mmwave"],
    radio=ESP32, lidar=LidarConfig(azimuth=20.0),
)  # fmt: skip


def _hashes(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("sim") / "tree"
    report = simulate(CONFIG, root)
    assert len(report.notes) == 1
    return root


@pytest.mark.parametrize(
    ("layout", "count", "widest"),
    [("mmfi", 114, 58), ("ht40", 114, 58), ("ht20", 56, 28), ("lltf", 52, 26), ("vht80", 242, 122),
     ("intel5300_ht20", 30, 28), ("intel5300_ht40", 30, 58)],
)  # fmt: skip
def test_layouts_measure_their_subcarriers(layout, count, widest):
    radio = replace(ESP32, layout=layout)
    assert static_response(ROOM, radio).shape == (1, count)
    assert np.abs(radio.offsets).max() == widest * 312.5e3
    assert radio.offsets.max() - radio.offsets.min() < radio.bandwidth
    assert set(LAYOUTS) >= {layout}


def test_a_layouts_response_is_the_wider_ones_at_its_subcarriers():
    wide, narrow = replace(ESP32, layout="vht80"), replace(ESP32, layout="intel5300_ht20")
    places = np.searchsorted(wide.subcarriers, narrow.subcarriers[np.abs(narrow.subcarriers) > 1])
    kept = np.abs(narrow.subcarriers) > 1
    np.testing.assert_allclose(static_response(ROOM, wide)[:, places], static_response(ROOM, narrow)[:, kept])


def test_links_of_several_receivers_are_those_of_each_alone():
    rng = np.random.default_rng(0)
    positions = rng.normal(size=(3, 40, 3)) * 0.3 + (0, 0, 3)
    facets = steady(positions, np.tile([0.0, 0.0, -1.0], (40, 1)), np.full(40, 4e-4))
    together = SEVERAL.links_of(static_response(ROOM, SEVERAL) + body_response(facets, SEVERAL))
    assert {name: links.shape for name, links in together.items()} == {"rx": (3, 2, 52), "left": (3, 4, 52)}
    for name, places in SEVERAL.antennas.items():
        for sender, tx in enumerate(SEVERAL.transmitters):
            alone = replace(ESP32, tx=tx.tolist(), rx=places.tolist())
            expected = static_response(ROOM, alone) + body_response(facets, alone)
            links = slice(sender * len(places), (sender + 1) * len(places))  # rx fastest
            np.testing.assert_allclose(together[name][:, links], expected, rtol=1e-9)


def test_people_far_apart_are_summed_exactly_over_a_wide_band():
    """The expansion in the delay against the plain sum, 8 m of path apart at 80 MHz."""
    radio = replace(ESP32, layout="vht80", frequency=5.5e9)
    positions = np.array([[0.0, 0.0, 2.6], [0.1, 0.2, 7.0]])
    apart = steady(positions[None], np.tile([0.0, 0.0, -1.0], (2, 1)), np.full(2, 1e-4))
    each = [
        body_response(steady(positions[None, [i]], apart.start.normals[:1], apart.start.areas[:1]), radio)
        for i in range(2)
    ]
    np.testing.assert_allclose(body_response(apart, radio), sum(each), rtol=1e-3, atol=1e-3 * np.abs(sum(each)).max())


def test_captures_say_what_they_are(tree):
    capture = read_capture(tree / "E01/S01/A13/wifi-csi/rx.h5")
    assert capture.synthetic and capture.device == "simulated-esp32" and capture.timing == "recorded"
    assert (capture.rx, capture.tx, capture.csi.shape) == (1, 1, (40, 1, 52))
    assert (capture.center_frequency, capture.bandwidth) == (2.437e9, 20e6)
    np.testing.assert_array_equal(capture.subcarriers, ESP32.subcarriers)
    np.testing.assert_allclose(capture.timestamps, (np.arange(40) + 0.5) / 100)
    np.testing.assert_array_equal(capture.csi, np.rint(capture.csi.real) + 1j * np.rint(capture.csi.imag))
    np.testing.assert_array_equal(capture.valid, capture.csi != 0)


def test_forty_megahertz_captures_hold_no_rotation(tmp_path):
    still = HardwareConfig(timing_jitter=0.0, snr=None, gain_jitter=0.0, outlier_share=0.0, bits=0, zero_share=0.0)
    config = replace(
        CONFIG, actions=["A13"], frames=1, modalities=["wifi-csi"], radio=replace(ESP32, layout="ht40"), hardware=still
    )
    report = simulate(config, tmp_path / "tree")
    assert any("no manifest.yaml" in note for note in report.notes)
    csi = read_capture(tmp_path / "tree/E01/S01/A13/wifi-csi/rx.h5").csi[0, 0]
    steps = np.angle(csi[1:] / csi[:-1])
    assert abs(steps[56] - 2.5 * (steps[55] + steps[57])) < 0.7  # across DC, five steps wide, instead of pi / 2 more


def test_the_manifest_makes_recordings_of_it(tree):
    manifest = read_manifest(tree / "manifest.yaml")
    assert "synthetic" in manifest.source and len(manifest.sessions) == 4
    assert {session.split for session in manifest.sessions} == {"train", "validation", "test"}
    assert [session.action for session in manifest.sessions] == ["A13", "A14", "A12", "walk"]
    assert verify(tree).read == 5  # four sequences and the manifest


@pytest.mark.parametrize("radio", [ESP32, SEVERAL], ids=["one receiver", "two receivers and two transmit antennas"])
def test_a_model_trains_on_the_manifest(radio, tmp_path):
    root = tmp_path / "tree"
    simulate(replace(CONFIG, radio=radio, actions=["A13", "A14", "A12"]), root)
    links = sum(map(len, radio.antennas.values())) * len(radio.transmitters)
    config = RunConfig(
        data=DataConfig(
            kind="recordings", root=str(root), manifest=str(root / "manifest.yaml"),
            target=TargetConfig(crop="box", box_min=[-0.9, -1.3, 2.2], box_max=[0.9, 0.8, 3.8], max_points=48),
        ),
        prepare=PrepareConfig(),
        model=CSI2PCConfig(
            links=links, subcarriers=52, points=24, width=16, heads=2, encoder_layers=1, decoder_layers=1,
            feedforward=32,
        ),
        loss=[TermConfig("chamfer_l1")],
        optimiser=OptimiserConfig(warmup_steps=1),
        training=TrainingConfig(epochs=1, batch_size=2, accelerator="cpu"),
        out=str(tmp_path / "run"),
    )  # fmt: skip
    assert train(config).best.is_file()


def test_the_same_seed_writes_the_same_bytes(tree, tmp_path):
    """Sequences made in another order and on their own; capture files hold no time of writing."""
    simulate(CONFIG, tmp_path / "tree")
    for action in ("walk", "A14"):
        write_sequence(CONFIG, tmp_path / "tree", sequence_of("S01", action))
    assert _hashes(tmp_path / "tree") == _hashes(tree)
    simulate(replace(CONFIG, actions=["A14"]), tmp_path / "alone")
    alone = _hashes(tmp_path / "alone")
    assert all(_hashes(tree)[name] == digest for name, digest in alone.items() if name.startswith("E01"))


def test_each_receiver_has_hardware_of_its_own_and_the_first_stays_as_it_was(tmp_path):
    one = replace(CONFIG, actions=["A13"], frames=2, modalities=["wifi-csi"])
    place = ESP32.rx[0]
    two = replace(one, radio=replace(ESP32, receivers={"twin": [place]}))
    for name, config in (("one", one), ("two", two)):
        simulate(config, tmp_path / name)
    folder = "E01/S01/A13/wifi-csi"
    first, alone = (read_capture(tmp_path / name / folder / "rx.h5").csi for name in ("two", "one"))
    twin = read_capture(tmp_path / "two" / folder / "twin.h5").csi
    np.testing.assert_array_equal(first, alone)
    turn = np.angle(np.sum(first * np.conj(twin), axis=-1))[:, 0]
    assert np.ptp(turn) > 2.0  # each packet's phase is drawn anew for each receiver


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "he160"}, "radio.layout must be one of mmfi, ht40"),
        ({"receivers": {"rx": [[1.0, 0.0, 4.0]]}}, "other than 'rx'"),
        ({"receivers": {"../up": [[1.0, 0.0, 4.0]]}}, "letters, digits"),
        ({"receivers": {"a": [[1.0, 0.0, 4.0]], "A": [[1.0, 0.0, 4.0]]}}, "more than case"),
        ({"receivers": {"left": []}}, "radio.receivers.left must be a list"),
        ({"further_tx": [[0.0]]}, "further_tx must be a list"),
    ],
)
def test_impossible_receivers_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        RadioConfig(**options)


@pytest.mark.parametrize("radio", [replace(ESP32, layout="mmfi"), replace(SEVERAL, layout="mmfi")])
def test_mmfis_layout_is_one_receiver_of_three_antennas(radio):
    with pytest.raises(ConfigError, match="mmfi has one transmit antenna and one receiver of 3.*layout: ht40"):
        SimConfig(radio=radio)
