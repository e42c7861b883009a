"""Files from anywhere are read strictly, and nothing in them is executed."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from csi2pc.engine.report_files import plain, progress_of, read_history, read_json, read_settings, setting, shown
from csi2pc.errors import DataError


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": NaN}', "", "\xff", "[" * 100_000])
def test_damaged_json_is_refused(tmp_path, text):
    path = tmp_path / "data.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match="data.json"):
        read_json(path)


def test_a_missing_file_is_empty(tmp_path):
    assert read_json(tmp_path / "data.json") == {}
    assert read_history(tmp_path / "metrics.jsonl") == []
    assert progress_of(tmp_path / "best.safetensors") == {}


def test_a_line_that_a_kill_cut_off_is_left_out_and_another_refused(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert [row["epoch"] for row in read_history(path)] == [1, 2]
    for damaged in ('{"epoch": 1}\n{"epo\n{"epoch": 3}\n', '[1]\n{"epoch": 3}\n', '\n{"epoch": 3}\n'):
        path.write_text(damaged)
        with pytest.raises(DataError, match="metrics.jsonl, line"):
            read_history(path)


def test_settings_are_read_without_running_anything(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("training: {epochs: 3, seed: '0'}\n")
    settings = read_settings(path)
    assert setting(settings, "training.epochs", int) == 3
    assert setting(settings, "training.seed", int) is None and setting(settings, "a.b.c", int) is None
    for text in ("!!python/object/apply:os.system [exit]", "- 1", "{", "a: &a [*a"):
        path.write_text(text)
        with pytest.raises(DataError, match="config.yaml"):
            read_settings(path)


def test_the_header_of_a_checkpoint(tmp_path):
    path = tmp_path / "best.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"csi2pc": json.dumps({"progress": {"step": 7}})})
    assert progress_of(path) == {"step": 7}
    for damaged in (b"", path.read_bytes()[:20]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="best.safetensors"):
            progress_of(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="best.safetensors"):
        progress_of(path)


def test_long_text_is_cut_and_says_so():
    assert shown("a" * 10) == "a" * 10
    assert shown("a" * 200_000).endswith("... and 100,000 characters more in the file")
    assert len(plain({"a": "b" * 1000})) == 500
