"""Files from anywhere are read strictly, and nothing in them is executed."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from csi2pc.engine.report_files import (
    LARGEST_YAML,
    inside,
    plain,
    progress_of,
    read_history,
    read_json,
    read_settings,
    read_text,
    setting,
    shown,
    simulated,
)
from csi2pc.errors import DataError


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": NaN}', "", "\xff", "[" * 100_000, '{"a": 1e999}'])
def test_damaged_json_is_refused(tmp_path, text):
    path = tmp_path / "data.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match="data.json"):
        read_json(path, within=tmp_path)


def test_a_missing_file_is_empty(tmp_path):
    assert read_json(tmp_path / "data.json", within=tmp_path) == {}
    assert read_history(tmp_path / "metrics.jsonl", within=tmp_path) == []
    assert progress_of(tmp_path / "best.safetensors", within=tmp_path) == {}


def test_a_line_that_a_kill_cut_off_is_left_out_and_another_refused(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"epoch": 1}\n{"epoch": 2}\n{"epo')
    assert [row["epoch"] for row in read_history(path, within=tmp_path)] == [1, 2]
    for damaged in ('{"epoch": 1}\n{"epo\n{"epoch": 3}\n', '[1]\n{"epoch": 3}\n', '\n{"epoch": 3}\n'):
        path.write_text(damaged)
        with pytest.raises(DataError, match="metrics.jsonl, line"):
            read_history(path, within=tmp_path)


def test_settings_are_read_without_running_anything(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("training: {epochs: 3, seed: '0'}\n")
    settings = read_settings(path, within=tmp_path)
    assert setting(settings, "training.epochs", int) == 3
    assert setting(settings, "training.seed", int) is None and setting(settings, "a.b.c", int) is None
    for text in ("!!python/object/apply:os.system [exit]", "- 1", "{", "a: &a [*a", "[" * 9999, "a: 0b_"):
        path.write_text(text)
        with pytest.raises(DataError, match="config.yaml"):
            read_settings(path, within=tmp_path)


def test_the_header_of_a_checkpoint(tmp_path):
    path = tmp_path / "best.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"csi2pc": json.dumps({"progress": {"step": 7}})})
    assert progress_of(path, within=tmp_path) == {"step": 7}
    for damaged in (b"", path.read_bytes()[:20]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="best.safetensors"):
            progress_of(path, within=tmp_path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(DataError, match="best.safetensors"):
        progress_of(path, within=tmp_path)


def test_long_text_is_cut_and_says_so():
    assert shown("a" * 10) == "a" * 10
    assert shown("a" * 200_000).endswith("... and 100,000 characters more in the file")
    assert len(plain({"a": "b" * 1000})) == 500


def test_a_long_configuration_is_refused_before_yaml_sees_it(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: " + "b" * LARGEST_YAML)
    with pytest.raises(DataError, match="more than 1,048,576 bytes"):
        read_settings(path, within=tmp_path)


def test_aliases_that_unfold_to_billions_are_not_printed(tmp_path):
    names = "abcdefghijkl"
    lines = ["- &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"- &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip(names, names[1:], strict=False)]
    (tmp_path / "config.yaml").write_text("\n".join(lines))
    with pytest.raises(DataError, match="got a list"):
        read_settings(tmp_path / "config.yaml", within=tmp_path)


def test_a_link_carries_no_file_from_elsewhere(tmp_path):
    folder, secret = tmp_path / "run", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("{}")
    (folder / "data.json").symlink_to(secret)
    (folder / "best.safetensors").symlink_to(secret)
    for read, name in ((read_text, "data.json"), (read_json, "data.json"), (read_history, "data.json"),
                       (read_settings, "data.json"), (progress_of, "best.safetensors")):  # fmt: skip
        with pytest.raises(DataError, match="must lie in its folder"):
            read(folder / name, within=folder)
    (folder / "own").symlink_to(folder / "true")
    (folder / "true").write_text("a")
    assert read_text(folder / "own", within=folder) == "a"
    (tmp_path / "link").symlink_to(folder)  # the reported folder itself may be one
    assert read_text(tmp_path / "link" / "true", within=tmp_path / "link") == "a"
    with pytest.raises(DataError, match="cannot be followed"):
        inside(folder / "a\0b", folder)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    for read in (read_text, read_json, progress_of):
        with pytest.raises(DataError, match="no regular file"):
            read(tmp_path, within=tmp_path)


def test_simulated_data_notes_it_at_the_beginning():
    assert simulated({"notes": ["other", "synthetic data: a/simulation.json says how"]})
    for none in ({}, {"notes": "synthetic data"}, {"notes": ["no synthetic data", 1]}):
        assert not simulated(none)
