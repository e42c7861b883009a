"""Conversion loses nothing, and never writes over what it reads."""

import shutil

import pytest
from captures import assert_same
from mmfi_tree import write_tree

from csi2pc.csi import read_capture, read_layouts
from csi2pc.csi.container_hdf5 import read_capture_hdf5
from csi2pc.csi.container_npz import read_capture_npz
from csi2pc.csi.provenance import read_provenance
from csi2pc.engine.convert import convert
from csi2pc.errors import ConfigError, DataError

READ = {".h5": read_capture_hdf5, ".hdf5": read_capture_hdf5, ".npz": read_capture_npz}


@pytest.mark.parametrize("suffix", READ)
@pytest.mark.parametrize("name", ["mmfi/frame001.mat", "captures/esp32/example_data.csv"])
def test_real_captures_come_back(real_data, tmp_path, suffix, name):
    (done,) = convert([real_data / name], tmp_path / f"c{suffix}")
    (again,) = READ[suffix](done.file)
    assert_same(again, read_capture(done.file))
    assert_same(read_capture(real_data / name), again)
    assert done.packets == len(again) and done.layouts == 1 and done.report == again.report
    about = read_provenance(done.file)
    assert about["source"] == str(real_data / name) and about["bytes"] == (real_data / name).stat().st_size


def test_the_report_is_that_of_all_layouts(real_data, tmp_path):
    path = real_data / "captures" / "intel5300" / "log.all_csi.6.7.6.dat"
    (done,) = convert([path], tmp_path / "c.h5")
    layouts = read_layouts(path)
    assert done.layouts == len(layouts) == 3
    assert done.packets == done.report.read == sum(len(layout) for layout in layouts)
    for one, other in zip(layouts, read_layouts(done.file), strict=True):
        assert_same(one, other)


@pytest.fixture
def frames(tmp_path):
    """Two MM-Fi sequences whose folders have the same name."""
    root = write_tree(tmp_path / "mmfi", ["E01/S01/A01", "E01/S02/A01"])
    return [root / "E01/S01/A01", root / "E01/S02/A01"]


@pytest.mark.parametrize("kind", ["h5", "npz"])
def test_a_folder_gets_one_file_a_capture(frames, tmp_path, kind):
    done = convert(frames, tmp_path / "out", kind=kind)
    assert [one.file.name for one in done] == [f"S01-A01.{kind}", f"S02-A01.{kind}"]
    for one, frame in zip(done, frames, strict=True):
        assert_same(read_capture(frame), READ[f".{kind}"](one.file)[0])
        assert one.capture == str(frame) and len(read_provenance(one.file)["sha256"]) == 64
    assert sorted((tmp_path / "out").iterdir()) == [one.file for one in done]


def test_the_same_capture_gives_the_same_content(frames, tmp_path):
    one, other = (convert(frames[:1], tmp_path / name)[0].file for name in ("a.h5", "b.h5"))
    assert_same(read_capture_hdf5(one)[0], read_capture_hdf5(other)[0])


def test_what_cannot_be_converted(frames, tmp_path):
    with pytest.raises(ConfigError, match="2 captures cannot go into one file"):
        convert(frames, tmp_path / "a.h5")
    with pytest.raises(ConfigError, match="is a file of kind h5; got 'npz'"):
        convert(frames[:1], tmp_path / "a.h5", kind="npz")
    with pytest.raises(ConfigError, match="must be h5 or npz; got 'mat'"):
        convert(frames[:1], tmp_path / "out", kind="mat")
    with pytest.raises(DataError, match="no such file"):
        convert([tmp_path / "none.dat"], tmp_path / "a.h5")
    with pytest.raises(DataError, match="at least one capture"):
        convert([], tmp_path / "a.h5")
    frame = frames[0] / "wifi-csi" / "frame001.mat"
    disguised = tmp_path / "frame.h5"
    shutil.copy(frame, disguised)
    with pytest.raises(ConfigError, match="would replace the capture"):
        convert([disguised], disguised)
    assert disguised.read_bytes() == frame.read_bytes()
    assert not list(tmp_path.glob("*.npz")) and not (tmp_path / "a.h5").exists()
