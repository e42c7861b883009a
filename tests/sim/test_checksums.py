from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace

import pytest

from csi2pc.errors import DataError
from csi2pc.sim import SimConfig, simulate, verify
from csi2pc.sim.checksums import digest

CONFIG = SimConfig(subjects=["S01"], actions=["A13", "A14"], frames=1, modalities=["wifi-csi", "mmwave"])
CHANGED = "differs from what was written"


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("sim") / "tree"
    simulate(CONFIG, root)
    return root


@pytest.fixture
def copy(tree, tmp_path):
    return shutil.copytree(tree, tmp_path / "copy")


def test_a_folders_digest_is_that_of_its_names_and_bytes(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one").write_bytes(b"1")
    (tmp_path / "two").write_bytes(b"2")
    (tmp_path / ".two.17.part").write_bytes(b"half")
    lines = [f"{name}\0{hashlib.sha256(text).hexdigest()}\n" for name, text in (("b/one", b"1"), ("two", b"2"))]
    assert digest(tmp_path) == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert digest(tmp_path / "two") == hashlib.sha256(b"2").hexdigest()
    with pytest.raises(DataError, match="cannot read"):
        digest(tmp_path / "three")


def test_what_was_written_is_verified(tree):
    record = json.loads((tree / ".csi2pc/simulation.json").read_text())
    assert list(record["checksums"]) == ["E01/S01/A13", "E01/S01/A14"]
    report = verify(tree)
    assert (report.read, report.skipped) == (2, [])


def test_a_changed_an_extra_and_a_missing_file_are_told(copy):
    first = copy / "E01/S01/A13"
    (first / "ground_truth.npy").write_bytes((first / "ground_truth.npy").read_bytes()[:-1] + b"\0")
    (copy / "E01/S01/A14/notes.txt").write_text("mine")
    report = verify(copy)
    assert report.read == 0
    assert [(s.where, s.reason) for s in report.skipped] == [("E01/S01/A13", CHANGED), ("E01/S01/A14", CHANGED)]
    shutil.rmtree(first)
    assert verify(copy).counts == {"missing": 1, CHANGED: 1}


def test_checksums_stay_when_a_run_goes_on(copy):
    """A damaged file that a second run does not make again is still told."""
    path = copy / "E01/S01/A14/wifi-csi/frame001.mat"
    path.write_bytes(b"damaged")
    shutil.rmtree(copy / "E01/S01/A13")
    simulate(CONFIG, copy)
    report = verify(copy)
    assert report.read == 1 and [s.where for s in report.skipped] == ["E01/S01/A14"]


def test_an_unfinished_run_has_no_checksums(copy, tmp_path):
    path = copy / ".csi2pc/simulation.json"
    record = json.loads(path.read_text())
    del record["checksums"]
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match="not finished: run it again"):
        verify(copy)
    simulate(CONFIG, copy)
    assert verify(copy).read == 2
    path.write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        verify(copy)
    with pytest.raises(DataError, match="name a folder that csi2pc simulate wrote"):
        verify(tmp_path / "nothing")


def test_another_simulation_has_other_checksums(tree, tmp_path):
    simulate(replace(CONFIG, seed=1), tmp_path / "other")
    roots = (tree, tmp_path / "other")
    one, other = (json.loads((root / ".csi2pc/simulation.json").read_text())["checksums"] for root in roots)
    assert one.keys() == other.keys() and not set(one.values()) & set(other.values())
