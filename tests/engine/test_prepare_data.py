from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from cache_case import assert_same_data, write_case
from esp32_log import write_log

from csi2pc.checkpoint import load_checkpoint
from csi2pc.config import load_config, save_config
from csi2pc.data import cache_file
from csi2pc.data.clouds import write_ply
from csi2pc.data.dataset import DataConfig, open_data
from csi2pc.data.targets import TargetConfig
from csi2pc.engine import prepare_data as module
from csi2pc.engine.evaluate import evaluate
from csi2pc.engine.infer import infer
from csi2pc.engine.prepare_data import prepare_data
from csi2pc.engine.run_folder import read_metrics
from csi2pc.engine.train import train
from csi2pc.errors import ConfigError, DataError, Interrupted


@pytest.fixture
def case(tmp_path):
    return write_case(tmp_path / "mmfi")


@pytest.fixture
def recordings(case, tmp_path, rng):
    """Two captures to train on, one to test on; the target of the last is a stream with a cloud that is missing."""
    for name in "abc":
        write_log(tmp_path / f"{name}.csv", np.arange(40) * 0.025, rng)
        write_ply(tmp_path / f"{name}.ply", rng.normal(size=(20 + ord(name), 3)))
    (tmp_path / "times.csv").write_text("cloud,time\na.ply,0.3\nnone.ply,0.4\nb.ply,0.5\n")
    still = {"cloud": "a.ply", "rate": 4}
    sessions = [
        {"id": "one", "split": "train", "captures": ["a.csv", "b.csv"], "target": still},
        {"id": "two", "split": "test", "captures": ["c.csv"], "target": {"frames": "times.csv"}},
    ]
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump({"name": "demo", "sessions": sessions}))
    data = DataConfig(kind="recordings", manifest=str(tmp_path / "manifest.yaml"), target=TargetConfig(crop="none"))
    model = replace(case.model, links=1, subcarriers=52)
    return replace(case, data=data, model=model, prepare=replace(case.prepare, duration=0.25))


def cached(config, out):
    return replace(config.data, cache_file=str(out))


@pytest.mark.parametrize("kind", ["case", "recordings"])
def test_one_file_whatever_the_number_of_processes(kind, request, tmp_path):
    config = request.getfixturevalue(kind)
    report = prepare_data(config, tmp_path / "one.h5")
    prepare_data(config, tmp_path / "two.h5", workers=2)
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    raw = open_data(config.data, config.prepare)
    assert_same_data(raw, open_data(cached(config, tmp_path / "one.h5"), config.prepare))
    assert (report.read, report.counts, report.notes) == (raw.report.read, raw.report.counts, raw.report.notes)
    assert not list(tmp_path.glob("*.parts")) and not list(tmp_path.glob(".*"))


def test_a_killed_run_goes_on_where_it_was(case, tmp_path, monkeypatch, capfd):
    """Slowed down so that the kill, which leaves no time to tidy up, meets it half way."""
    save_config(case, tmp_path / "config.yaml")
    code = (
        "import sys, time\nfrom csi2pc.config import load_config\nfrom csi2pc.engine import prepare_data as m\n"
        "read = m.read_sequence\n"
        "def slow(*of):\n    time.sleep(0.3)\n    return read(*of)\n"
        "m.read_sequence = slow\n"
        f"m.prepare_data(load_config({str(tmp_path / 'config.yaml')!r}), {str(tmp_path / 'cache.h5')!r})\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    folder, deadline = tmp_path / "cache.h5.parts", time.monotonic() + 60
    while len(list(folder.glob("0*.json"))) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = {path: path.stat().st_mtime_ns for path in folder.glob("0*")}
    assert 2 <= len(list(folder.glob("0*.json"))) < 6 and not (tmp_path / "cache.h5").exists()
    (folder / ".00005.npz.1.part").write_bytes(b"half written")
    made = []
    write = module.write_part
    monkeypatch.setattr(module, "write_part", lambda path, *of: (made.append(path), write(path, *of)))
    prepare_data(case, tmp_path / "cache.h5")
    assert len(made) == 6 - sum(path.suffix == ".json" for path in done)
    assert "going on: " in capfd.readouterr().err
    prepare_data(case, tmp_path / "again.h5")
    assert (tmp_path / "cache.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    assert not folder.exists()


@pytest.mark.parametrize("where", ["read_sequence", "fingerprint", "merge"])
def test_an_interrupted_run_goes_on(case, tmp_path, monkeypatch, where):
    def asking(function):
        def asks(*of):
            os.kill(os.getpid(), signal.SIGINT)
            return function(*of)

        return asks

    with monkeypatch.context() as patch:
        if where == "merge":
            patch.setattr(cache_file, "part_array", asking(cache_file.part_array))
        else:
            patch.setattr(module, where, asking(getattr(module, where)))
        with pytest.raises((Interrupted, KeyboardInterrupt)):  # the second signal acts at once
            prepare_data(case, tmp_path / "cache.h5")
    assert not (tmp_path / "cache.h5").exists() and not list(tmp_path.glob(".cache*"))
    prepare_data(case, tmp_path / "cache.h5")
    assert_same_data(
        open_data(case.data, case.prepare), open_data(cached(case, tmp_path / "cache.h5"), case.prepare)
    )


def test_a_full_disk_is_one_clear_error_and_the_work_is_kept(case, tmp_path, monkeypatch):
    calls = []

    def full(file, **arrays):
        calls.append(file)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(file, **arrays)

    save = np.savez
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", full)
        with pytest.raises(DataError, match="No space left on device.*the same command goes on"):
            prepare_data(case, tmp_path / "cache.h5")
    assert len(list((tmp_path / "cache.h5.parts").glob("0*.json"))) == 2
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 8, 1))
        with pytest.raises(DataError, match="needs .* GB free.*same command again"):
            prepare_data(case, tmp_path / "cache.h5")
    prepare_data(case, tmp_path / "cache.h5")
    assert open_data(cached(case, tmp_path / "cache.h5"), case.prepare).report.read == 16


@pytest.mark.parametrize("size", [0, 600, 5000, 9000, 100_000])
def test_a_disk_that_fills_while_the_file_is_written_ends_well(case, tmp_path, monkeypatch, size):
    """HDF5 may crash on its way out after a write that failed; here every write beyond ``size`` bytes does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    put_together = module._put_together

    def limited(*of):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            return put_together(*of)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    with monkeypatch.context() as patch:
        patch.setattr(module, "_put_together", limited)
        with pytest.raises(DataError, match="could not write"):
            prepare_data(case, tmp_path / "cache.h5")
    assert not (tmp_path / "cache.h5").exists() and not list(tmp_path.glob(".cache*"))
    assert prepare_data(case, tmp_path / "cache.h5").read == 16


def test_a_cache_is_made_anew_only_where_something_changed(case, tmp_path, capfd):
    out = tmp_path / "cache.h5"
    prepare_data(case, out)
    before = out.stat().st_mtime_ns
    assert prepare_data(case, out).read == 16
    assert "up to date" in capfd.readouterr().err and out.stat().st_mtime_ns == before
    (tmp_path / "mmfi/E01/S03/A02/lidar/frame001.bin").unlink()
    assert prepare_data(case, out).read == 15
    other = replace(case, prepare=replace(case.prepare, phase="none"))
    prepare_data(other, out)
    assert open_data(cached(other, out), other.prepare).report.read == 15
    content = bytearray(out.read_bytes())
    content[-1] ^= 1
    out.write_bytes(content)
    assert prepare_data(other, out).read == 15 and "making it anew" in capfd.readouterr().err


def test_pieces_of_another_job_are_thrown_away(case, tmp_path, capfd):
    out = tmp_path / "cache.h5"
    prepare_data(case, tmp_path / "kept.h5")
    other = replace(case, prepare=replace(case.prepare, phase="none"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_put_together", lambda *of: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            prepare_data(other, out)
    prepare_data(case, out)
    assert "starting over" in capfd.readouterr().err
    assert out.read_bytes() == (tmp_path / "kept.h5").read_bytes()


def test_data_that_changes_meanwhile_is_noticed(case, tmp_path, monkeypatch):
    def read(source, name, read=module.read_sequence):
        (tmp_path / "mmfi/E01/S05/A01/lidar/frame001.bin").write_bytes(bytes(2400))
        return read(source, name)

    monkeypatch.setattr(module, "read_sequence", read)
    with pytest.raises(DataError, match="changed while it was prepared .*S05/A01/lidar"):
        prepare_data(case, tmp_path / "cache.h5")


def test_what_cannot_be_prepared_is_refused(case, tmp_path):
    with pytest.raises(ConfigError, match="leave data.cache_file out"):
        prepare_data(replace(case, data=cached(case, "a.h5")), tmp_path / "b.h5")
    with pytest.raises(ConfigError, match="HDF5 file; got 'runs/rooms'"):
        prepare_data(case, "runs/rooms")
    with pytest.raises(ConfigError, match="workers must not be negative"):
        prepare_data(case, tmp_path / "b.h5", workers=-1)
    (tmp_path / "mine.h5").write_bytes(b"my only copy")
    with pytest.raises(ConfigError, match="something else"):
        prepare_data(case, tmp_path / "mine.h5")
    with pytest.raises(DataError, match="S3"):
        prepare_data(replace(case, data=replace(case.data, split="S3")), tmp_path / "b.h5")
    assert (tmp_path / "mine.h5").read_bytes() == b"my only copy" and not (tmp_path / "b.h5").exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_training_from_a_cache_gives_the_same_weights(finished, config, tree, tmp_path, workers, with_training):
    prepare_data(config, tmp_path / "cache.h5")
    config = with_training(replace(config, data=cached(config, tmp_path / "cache.h5")), workers=workers)
    run = train(config)
    one, other = (load_checkpoint(folder.last) for folder in (finished, run))
    for (name, weight), again in zip(one.model.state_dict().items(), other.model.state_dict().values(), strict=True):
        assert torch.equal(weight, again), name
    assert [{**row, "seconds": 0} for row in read_metrics(finished)] == [
        {**row, "seconds": 0} for row in read_metrics(run)
    ]
    if workers:
        return
    from_cache = evaluate(run.path).score("chamfer_l1", "model").mean
    assert evaluate(run.path, root=str(tree)).score("chamfer_l1", "model").mean == from_cache
    moved = (tmp_path / "cache.h5").rename(tmp_path / "moved.h5")
    assert evaluate(run.path, root=str(moved)).score("chamfer_l1", "model").mean == from_cache
    with pytest.raises(DataError, match="does not exist"):
        evaluate(run.path)
    assert infer(run.path, [tree / "E01/S05/A02/wifi-csi"], tmp_path / "out")[0].clouds == 4


def test_the_rooms_train_from_a_cache(real_data, project_root, tmp_path):
    config = load_config(project_root / "configs" / "rooms.yaml")
    manifest = str(project_root / config.data.manifest)
    raw = replace(config, data=replace(config.data, root=str(real_data / "rooms"), manifest=manifest))
    report = prepare_data(raw, tmp_path / "rooms.h5", workers=2)
    assert report.read > 900
    data = replace(config.data, manifest=manifest, cache_file=str(tmp_path / "rooms.h5"))  # no root: the cache is all
    splits = open_data(data, config.prepare)
    assert_same_data(open_data(raw.data, raw.prepare), splits)
    assert "not at hand" in splits.report.notes[-1]
    small = replace(config.model, width=16, heads=2, encoder_layers=1, decoder_layers=1, feedforward=32, points=64)
    once = replace(config.training, epochs=1, accelerator="cpu")
    run = train(replace(config, data=data, out=str(tmp_path / "run"), model=small, training=once))
    assert read_metrics(run)[0]["validation/chamfer_l1"] > 0
    assert Path(load_checkpoint(run.last).run["data"]["cache_file"]) == tmp_path / "rooms.h5"
