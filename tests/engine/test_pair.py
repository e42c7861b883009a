from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from esp32_log import write_log
from moving_person import capture_at, clouds_at, path
from PIL import Image

from csi2pc.csi.prepare import prepare
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.csi.read import read_capture
from csi2pc.csi.windows import windows_at
from csi2pc.data.clouds import write_ply
from csi2pc.data.recording_frames import RecordingFrames
from csi2pc.data.recordings import read_manifest
from csi2pc.data.targets import TargetConfig
from csi2pc.engine.pair import pair, table
from csi2pc.errors import ConfigError, DataError

PREPARE = PrepareConfig(window=10, duration=0.1)


def manifest(folder, **session):
    content = {"name": "demo", "sessions": [{"id": "s", "split": "train", **session}]}
    (folder / "manifest.yaml").write_text(yaml.safe_dump(content))
    return folder / "manifest.yaml"


@pytest.fixture
def recorded(tmp_path, rng):
    """3 s of packets at 100 Hz but for a hole of 0.5 s, and 30 clouds at 10 Hz whose clock started 20 s earlier."""
    times = np.arange(300) * 0.01 + 1.0
    write_log(tmp_path / "a.csv", times[(times < 2.01) | (times > 2.5)], rng)
    for k in range(30):
        write_ply(tmp_path / "c" / f"{20_500 + 100 * k}.ply", rng.normal(size=(20, 3)))
    return tmp_path


STREAM = {"format": "clouds", "files": "c/{time_ms}.ply", "unit": "metres", "clock": {"offset": -20.0}}


def test_what_is_matched_and_what_is_not_adds_up(recorded):
    (recorded / "c" / "22900.ply").write_bytes(b"cut")
    target = {"streams": {"scan": STREAM}}
    paired = pair(manifest(recorded, captures=["a.csv"], target=target), prepare=PREPARE)
    (one,) = paired.sequences
    assert one.frames == 30 == one.matched + sum(one.rejected.values())
    assert one.rejected["target frame outside the capture's time"] == 5
    assert one.rejected["unreadable cloud"] == 1
    assert one.rejected["more than 50% of the window unmeasured"] == 5
    assert one.difference_max <= 0.02 and one.measured > 0.9 and one.points == 20
    assert one.target.rate == pytest.approx(10) and one.receivers[""].count == 250
    assert one.overlap == pytest.approx(2.4)
    text = table(paired)
    assert "left out: unreadable cloud: 1, for example s/a#24" in text and "19 of 30 frames matched" in text
    assert json.loads(json.dumps(paired.as_dict()))["sequences"][0]["matched"] == one.matched == 19


def test_the_tolerance_may_be_tried_without_editing_the_manifest(recorded):
    file = manifest(recorded, captures=["a.csv"], target={"streams": {"scan": STREAM}})
    (one,) = pair(file, tolerance=0.001, prepare=PrepareConfig(max_unmeasured=1.0)).sequences
    assert one.rejected == {
        "target frame outside the capture's time": 5, "no packet within 0.001 s of the target frame": 5
    }  # fmt: skip
    with pytest.raises(ConfigError, match="more than 0 seconds"):
        pair(file, tolerance=-1.0)


def test_clocks_that_never_meet_are_told_with_what_they_cover(recorded):
    stream = {**STREAM, "clock": {"offset": 1.7e9}}
    paired = pair(manifest(recorded, captures=["a.csv"], target={"streams": {"scan": stream}}))
    assert paired.matched == 0
    assert "the clocks do not overlap: receiver from 1.000 to 3.990 s; target from 1700000020.500" in table(paired)


def test_a_cloud_that_stays_and_a_capture_that_cannot_be_read(recorded):
    (recorded / "b.csv").write_bytes(b"no log at all")
    target = {"cloud": "c/20500.ply", "rate": 4}
    paired = pair(manifest(recorded, captures=["*.csv"], target=target), prepare=PREPARE, estimate_offset=True)
    good, bad = paired.sequences
    assert good.matched > 5 and not good.offsets
    assert bad.matched == bad.frames == 0 and bad.rejected == {"unreadable capture": 1}
    assert "b.csv" in table(paired)


def test_workers_change_nothing(recorded):
    file = manifest(recorded, captures=["a.csv"], target={"streams": {"scan": STREAM}})
    assert pair(file, workers=1) == pair(file)


def test_a_missing_manifest(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        pair(tmp_path / "manifest.yaml")


def npz_capture(file, capture):
    """An ESP32 log of a simulated capture, in its own format of bytes."""
    used = np.r_[38:64, 1:27]
    lines = []
    scale = 60 / np.abs(capture.csi).max()
    for time, row in zip(capture.timestamps, capture.csi[:, 0] * scale, strict=True):
        values = np.zeros((64, 2), dtype=int)
        values[used] = np.round(np.stack([row.imag, row.real], axis=1))
        numbers = " ".join(map(str, values.reshape(-1).tolist()))
        radio = "-50,11,0,0,0,0,0,0,0,0,0,-96,0,6,0"
        head = f"CSI_DATA,STA,AA:BB:CC:DD:EE:FF,{radio},{round(time * 1e6)},0,131,0,0,{time},128"
        lines.append(f"{head},[{numbers} ]")
    file.write_text("\n".join(lines) + "\n")


@pytest.fixture
def walked(tmp_path):
    """A minute and a half of somebody walking; clouds at 10 Hz on a clock that shows 6.5 s less."""
    rng = np.random.default_rng(5)
    walk = path(rng, duration=90)
    npz_capture(tmp_path / "a.csv", capture_at(np.sort(rng.uniform(0, 90, 7000)).round(6), walk, rng))
    times = np.arange(0, 90, 0.1)
    clouds = clouds_at(times, walk, rng)
    np.savez(
        tmp_path / "scan.npz", points=np.concatenate(clouds), timestamps=times - 6.5, lengths=[len(c) for c in clouds]
    )
    return tmp_path


def test_an_offset_is_estimated_and_never_applied(walked):
    stream = {"format": "npz", "file": "scan.npz", "unit": "metres", "clock": {"offset": 1.0, "drift": 0.5}}
    file = manifest(walked, captures=["a.csv"], target={"streams": {"scan": stream}})
    plain, paired = pair(file), pair(file, estimate_offset=True)
    assert paired.sequences[0].matched == plain.sequences[0].matched
    (proposal,) = paired.sequences[0].offsets
    assert proposal.clock == "target.streams.scan.clock" and proposal.estimate.confident
    assert proposal.estimate.offset == pytest.approx(5.5, abs=0.15)
    assert proposal.proposed.offset == pytest.approx(6.5, abs=0.15) and proposal.proposed.drift == 0.5
    text = table(paired)
    assert "not applied" in text and f"clock: {{offset: {proposal.proposed.offset}, drift: 0.5}}" in text
    assert paired.as_dict()["sequences"][0]["offsets"][0]["confident"] is True


def test_a_stream_of_something_else_is_reported_with_low_confidence(walked, rng):
    walk = path(rng, duration=90)
    times = np.arange(0, 90, 0.1)
    clouds = clouds_at(times, walk, rng)
    np.savez(walked / "scan.npz", points=np.stack(clouds), timestamps=times)
    stream = {"format": "npz", "file": "scan.npz", "unit": "metres"}
    paired = pair(manifest(walked, captures=["a.csv"], target={"streams": {"scan": stream}}), estimate_offset=True)
    assert not paired.sequences[0].offsets[0].estimate.confident
    assert "LOW CONFIDENCE" in table(paired) and "To apply it" not in table(paired)


def test_too_little_motion_to_compare_is_said(recorded):
    paired = pair(
        manifest(recorded, captures=["a.csv"], target={"streams": {"scan": STREAM}}), estimate_offset=True
    )
    (proposal,) = paired.sequences[0].offsets
    assert proposal.estimate is None and "too" in proposal.problem
    assert "no offset estimated" in table(paired)


# A synthetic target on real packets: its own clock with offset, drift and jitter, and frames that are missing.

OFFSET, DRIFT = -37.25, 60.0
MISSING = {17, 18, 19, 60, 101}


@pytest.fixture(scope="module")
def real_pairing(real_data, tmp_path_factory):
    """Clouds whose points hold the number of their frame, at 10 Hz over more than the capture."""
    folder, rng = tmp_path_factory.mktemp("pairing"), np.random.default_rng(7)
    (folder / "csi.csv").symlink_to(real_data / "esp32_ht40" / "csi.csv")
    capture = read_capture(folder / "csi.csv")
    truth = np.arange(capture.timestamps[0] - 2, capture.timestamps[-1] + 2, 0.1) + 0.013
    truth += rng.uniform(-0.02, 0.02, len(truth))  # when each frame was taken, on the capture's clock
    stamps = (truth - OFFSET) / (1 + DRIFT * 1e-6)
    for number, stamp in enumerate(stamps):
        if number not in MISSING:
            write_ply(folder / "scan" / f"{round(stamp * 1e6)}.ply", np.full((3, 3), number / 10))
    stream = {
        "format": "clouds", "files": "scan/{time_us}.ply", "unit": "metres", "clock": {"offset": OFFSET, "drift": DRIFT}
    }  # fmt: skip
    file = manifest(folder, captures=["csi.csv"], target={"streams": {"scan": stream}})
    return file, capture, truth


def test_real_packets_and_a_target_on_its_own_clock_are_paired_exactly(real_pairing):
    file, capture, truth = real_pairing
    source = RecordingFrames(read_manifest(file), file.parent, TargetConfig(crop="none"), PREPARE)
    read = source.read("s/csi")
    prepared = prepare(capture, PREPARE)
    expected = windows_at(prepared, truth, PREPARE)
    inside = (truth >= capture.timestamps[0]) & (truth <= capture.timestamps[-1])
    good = [int(n) for n in expected.kept if inside[n] and n not in MISSING]
    found = [round(float(sample.points[0, 0]) * 10) for sample in read.samples]
    assert found == good and len(good) > 150  # each frame once, in order, and none that was not there
    for number, sample in zip(found, read.samples, strict=True):
        assert sample.frame.time == pytest.approx(truth[number], abs=2e-6)
        row = int(np.flatnonzero(expected.kept == number)[0])
        same = windows_at(prepared, np.array([sample.frame.time]), PREPARE)
        np.testing.assert_array_equal(sample.features, same.features[0])
        close = (sample.features == expected.features[row]).mean()
        assert close > 0.5, "a slot may take another packet by rounding to microseconds, most cannot"


def test_the_report_of_the_real_pairing_adds_up(real_pairing):
    file, capture, truth = real_pairing
    (one,) = pair(file, prepare=PREPARE).sequences
    outside = sum(
        not capture.timestamps[0] <= time <= capture.timestamps[-1]
        for number, time in enumerate(truth)
        if number not in MISSING
    )
    assert one.frames == len(truth) - len(MISSING) == one.matched + sum(one.rejected.values())
    assert one.rejected["target frame outside the capture's time"] == outside
    assert one.difference_median < 0.01 and one.receivers[""].rate == pytest.approx(92, rel=0.05)


def test_a_clock_without_its_drift_pairs_with_the_wrong_packets(real_pairing):
    """The offset alone is not enough over hours; here the error stays small, and the wrong offset does not."""
    file, _, truth = real_pairing
    content = yaml.safe_load(file.read_text())
    content["sessions"][0]["target"]["streams"]["scan"]["clock"] = {"offset": OFFSET + 1.0, "drift": DRIFT}
    other = file.with_name("other.yaml")
    other.write_text(yaml.safe_dump(content))
    source = RecordingFrames(read_manifest(other), file.parent, TargetConfig(crop="none"), PREPARE)
    wrong = [s.frame.time - truth[round(float(s.points[0, 0]) * 10)] for s in source.read("s/csi").samples]
    np.testing.assert_allclose(wrong, 1.0, atol=1e-5)


def test_the_documents_example_runs(tmp_path, rng, project_root):
    """The worked example of datasets/recordings/README.md, made by hand as it says."""
    text = (project_root / "datasets" / "recordings" / "README.md").read_text()
    block = text.split("<!-- worked example -->")[1].split("```yaml\n")[1].split("```")[0]
    start = 1_780_000_000
    for name, ahead in (("left", 0.0), ("right", 250.0)):
        times = np.arange(600) * 0.01 + 3.0
        write_log(tmp_path / f"tuesday/{name}.csv", times + ahead, rng)
        write_log(tmp_path / f"monday/{name}.csv", times + ahead, rng)
    for day in ("monday", "tuesday"):
        for folder in ("depth", "masks"):
            (tmp_path / day / folder).mkdir()
        for k in range(40):
            name = f"{(start + k * 0.1) * 1000:.0f}.png"
            Image.fromarray(rng.integers(1500, 3000, (48, 64)).astype(np.uint16)).save(tmp_path / day / "depth" / name)
            mask = np.zeros((48, 64), np.uint8)
            mask[10:30, 20:40] = 255
            Image.fromarray(mask).save(tmp_path / day / "masks" / name)
    (tmp_path / "manifest.yaml").write_text(block)
    paired = pair(tmp_path / "manifest.yaml")
    assert [sequence.sequence for sequence in paired.sequences] == ["monday", "tuesday"]
    for sequence in paired.sequences:
        assert sequence.frames == 40 == sequence.matched and sequence.points == 400
        assert list(sequence.receivers) == ["left", "right"]
