"""From every kind of captured file to clouds: a tiny model trained for its layout infers from it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import yaml

from csi2pc.config import from_dict
from csi2pc.csi import read_capture
from csi2pc.engine.infer import infer
from csi2pc.engine.train import train

CAPTURES = (
    "captures/intel5300/sample_0x1_ap.dat",
    "captures/atheros/ath_csi_1.dat",
    "captures/atheros/sample_csi_packet_big_endian.dat",
    "captures/nexmon/example_4366c0.pcap",
    "captures/esp32/example_100hz_pitraffic.csv",
    "captures/feitcsi/HT20_2452.csi",
    "captures/feitcsi/HT40_2452.csi",
    "captures/feitcsi/VHT80_5500.csi",
    "captures/picoscenes/picoscenes_iwl5300_example.csi",
    "esp32_ht40/csi.csv",
    "esp32_multi/pretrain-1775182186.csi.jsonl",
)
WINDOW = 4


def _config(folder, capture):
    """One epoch on two copies of a capture, whose target is one small cloud that stands still."""
    interval = float(np.median(np.diff(capture.timestamps)))
    rate = min(1 / (WINDOW * interval), 12 / max(capture.duration, interval))  # a dozen windows
    target = {"cloud": "cloud.npz", "rate": rate}
    sessions = [
        {"id": part, "split": part, "captures": [f"{part}/*"], "target": target} for part in ("train", "test")
    ]
    (folder / "manifest.yaml").write_text(yaml.safe_dump({"name": "one", "sessions": sessions}))
    np.savez(folder / "cloud.npz", points=np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32))
    return from_dict({
        "out": str(folder / "run"),
        "data": {
            "kind": "recordings", "manifest": str(folder / "manifest.yaml"), "validation_share": 0.0,
            "target": {"crop": "none"},
        },
        "prepare": {"window": WINDOW, "duration": WINDOW * interval, "tolerance": 1.0, "max_unmeasured": 0.9},
        "model": {
            "links": capture.rx * capture.tx, "subcarriers": len(capture.subcarriers), "window": WINDOW, "points": 16,
            "width": 16, "heads": 2, "encoder_layers": 1, "decoder_layers": 1, "feedforward": 16,
        },
        "loss": [{"name": "chamfer_l1"}],
        "training": {"epochs": 1, "batch_size": 8, "select_by": "total"},
    })  # fmt: skip


@pytest.mark.parametrize("name", CAPTURES)
def test_every_captures_layout_can_be_trained_on_and_inferred_from(real_data, tmp_path, name):
    path = real_data / name
    for part in ("train", "test"):
        (tmp_path / part).mkdir()
        shutil.copy(path, tmp_path / part / f"{part}{path.suffix}")
    capture = read_capture(path)
    run = train(_config(tmp_path, capture))
    done = infer(run.path, [path], tmp_path / "clouds")[0]
    clouds = sorted(done.folder.glob("cloud_*.npz"))
    assert len(clouds) == done.clouds > 0
    with np.load(clouds[0]) as stored:
        assert stored["points"].shape == (16, 3) and np.isfinite(stored["points"]).all()
    report = json.loads((done.folder / "report.json").read_text())
    assert report["device"] == capture.device and not report["synthetic"]
