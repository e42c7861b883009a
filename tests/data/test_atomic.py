from __future__ import annotations

import os

import pytest

from csi2pc.data.atomic import leftovers, replacing
from csi2pc.errors import DataError


def test_the_file_takes_its_name_only_when_it_is_whole(tmp_path):
    path = tmp_path / "folder" / "a.txt"
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert not path.exists() and temporary.parent == path.parent
    assert path.read_text() == "new"
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "new"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_full_disk_is_one_clear_error(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(DataError, match="a.txt: No space left"), replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match="could not write .*a.txt: .*choose another folder"):
        with replacing(tmp_path / "file" / "a.txt"):
            pass


def test_what_a_killed_process_left_is_known_by_its_name(tmp_path):
    (tmp_path / "sub.1.part").mkdir()
    for name in ("a.txt", ".hidden", ".a.part", "a.1.part", ".a.x.part", "sub.1.part/.b.2.part"):
        (tmp_path / name).write_text("not ours")
    (tmp_path / ".c.3.part").mkdir()
    assert leftovers(tmp_path) == leftovers(tmp_path / "nowhere") == leftovers(tmp_path / "a.txt") == []
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert leftovers(tmp_path) == [temporary]
    assert leftovers(tmp_path) == []
