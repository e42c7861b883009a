"""MM-Fi frames and folders: values, rotation, times, and every kind of damage."""

import numpy as np
import pytest
import scipy.io

from csi2pc.csi.layouts import HT40
from csi2pc.csi.mmfi import (
    FRAME_SHAPE,
    decode_mmfi,
    looks_like_mmfi_folder,
    looks_like_mmfi_frame,
    read_mmfi_folder,
    read_mmfi_frame,
    recover_complex,
)
from csi2pc.errors import DataError, ShapeError


def stored_iq(rng):
    """Integer I/Q as a chip would store them, (A, S, T), rotation still in."""
    return rng.integers(-200, 200, FRAME_SHAPE) + 1j * rng.integers(-200, 200, FRAME_SHAPE)


def write_frame(path, iq, **options):
    with np.errstate(divide="ignore"):
        arrays = {"CSIamp": 20 * np.log10(np.abs(iq)), "CSIphase": np.angle(iq)}
    scipy.io.savemat(path, arrays, **options)


@pytest.mark.parametrize("options", [{}, {"do_compression": True}])
def test_values_and_axes_come_back(tmp_path, rng, options):
    iq = stored_iq(rng)
    iq[1, 5, 3] = 0
    path = tmp_path / "frame001.mat"
    write_frame(path, iq, **options)
    assert looks_like_mmfi_frame(path.read_bytes())
    capture = read_mmfi_frame(path)
    assert capture.csi.shape == (10, 3, 114) and capture.rx == 3 and capture.timing == "nominal"
    assert np.array_equal(capture.subcarriers, HT40)
    assert np.array_equal(np.argwhere(~capture.valid), np.argwhere(np.moveaxis(iq, -1, 0) == 0))
    assert not capture.valid[3, 1, 5] and capture.csi[3, 1, 5] == 0
    lower, upper = HT40 < 0, HT40 > 0
    assert np.allclose(capture.csi[..., lower], np.moveaxis(iq, -1, 0)[..., lower], atol=1e-3)
    assert np.allclose(capture.csi[..., upper] * 1j, np.moveaxis(iq, -1, 0)[..., upper], atol=1e-3)
    assert np.allclose(capture.timestamps, 0.005 + 0.01 * np.arange(10))


def test_the_real_frame_holds_integer_iq(real_data):
    stored = scipy.io.loadmat(real_data / "mmfi" / "frame001.mat")
    iq, valid = recover_complex(stored["CSIamp"], stored["CSIphase"])
    assert valid.all() and iq.dtype == np.complex128
    assert np.abs(iq.real - np.round(iq.real)).max() < 1e-12
    assert np.abs(iq.imag - np.round(iq.imag)).max() < 1e-12
    capture = read_mmfi_frame(real_data / "mmfi" / "frame001.mat")
    assert capture.csi.dtype == np.complex64 and len(capture) == 10


def test_the_real_frame_is_smooth_across_the_centre_once_turned_back(real_data):
    stored = scipy.io.loadmat(real_data / "mmfi" / "frame001.mat")
    iq = np.moveaxis(recover_complex(stored["CSIamp"], stored["CSIphase"])[0], -1, 0)
    csi = read_mmfi_frame(real_data / "mmfi" / "frame001.mat").csi
    assert (np.angle(iq[..., 57] * iq[..., 56].conj()) > 1.3).all()
    assert (np.abs(np.angle(csi[..., 57] * csi[..., 56].conj())) < 0.3).all()


@pytest.mark.parametrize("bad", [-np.inf, np.inf, np.nan, 1e5, -1e5])
def test_what_is_no_level_is_not_measured(bad):
    amp, phase = np.full(FRAME_SHAPE, 40.0), np.zeros(FRAME_SHAPE)
    amp[0, 0, 0] = bad
    csi, valid = decode_mmfi(amp, phase)
    assert not valid[0, 0, 0] and valid.sum() == valid.size - 1
    assert csi[0, 0, 0] == 0 and np.isfinite(csi).all()


def test_a_phase_that_is_nan_is_not_measured():
    phase = np.zeros(FRAME_SHAPE)
    phase[2, 7, 9] = np.nan
    assert not decode_mmfi(np.full(FRAME_SHAPE, 40.0), phase)[1][9, 2, 7]


def test_decode_refuses_another_shape():
    with pytest.raises(ShapeError, match=r"must be \(3, 114, 10\).*got \(3, 114, 9\)"):
        decode_mmfi(np.zeros((3, 114, 9)), np.zeros(FRAME_SHAPE))


def test_bad_frames_say_what_is_wrong(tmp_path, rng):
    path = tmp_path / "frame001.mat"
    with pytest.raises(DataError, match=r"frame001\.mat: cannot be read"):
        read_mmfi_frame(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match=r"frame001\.mat: empty file"):
        read_mmfi_frame(path)
    path.write_bytes(bytes(5_000_000))
    with pytest.raises(DataError, match=r"frame001\.mat: 5000000 bytes"):
        read_mmfi_frame(path)
    write_frame(path, stored_iq(rng))
    path.write_bytes(path.read_bytes()[:40_000])
    with pytest.raises(DataError, match=r"frame001\.mat: cut off or damaged"):
        read_mmfi_frame(path)
    write_frame(path, np.zeros(FRAME_SHAPE))
    with pytest.raises(DataError, match=r"frame001\.mat: nothing was measured"):
        read_mmfi_frame(path)
    write_frame(path, stored_iq(rng)[:2])
    with pytest.raises(DataError, match=r"frame001\.mat: CSIamp and CSIphase must be"):
        read_mmfi_frame(path)
    scipy.io.savemat(path, {"CSIamp": np.zeros(FRAME_SHAPE), "other": np.zeros(2)})
    with pytest.raises(DataError, match=r"frame001\.mat: .* this file has CSIamp, other"):
        read_mmfi_frame(path)


@pytest.fixture
def sequence(tmp_path, rng):
    """Frames 1, 2, 4, 5, 6: 3 missing, 4 of zero bytes, 5 cut off."""
    folder = tmp_path / "S01" / "A01" / "wifi-csi"
    folder.mkdir(parents=True)
    for number in (1, 2, 5, 6):
        write_frame(folder / f"frame{number:03d}.mat", stored_iq(rng))
    (folder / "frame004.mat").write_bytes(b"")
    cut = folder / "frame005.mat"
    cut.write_bytes(cut.read_bytes()[:1000])
    (folder / "notes.txt").write_text("not a frame")
    return folder.parent


def test_folder_reads_in_order_and_lists_what_is_absent(sequence):
    for path in (sequence, sequence / "wifi-csi"):
        assert looks_like_mmfi_folder(path)
        capture = read_mmfi_folder(path)
        assert len(capture) == 30 and capture.report.read == 30
        assert [s.where.rsplit("frame", 1)[1] for s in capture.report.skipped] == ["003.mat", "004.mat", "005.mat"]
        assert [s.reason.split()[0] for s in capture.report.skipped] == ["missing", "empty", "cut"]
        starts = capture.timestamps[::10]
        assert np.allclose(starts, [0.005, 0.105, 0.505])
    one = read_mmfi_frame(sequence / "wifi-csi" / "frame006.mat")
    assert np.array_equal(capture.csi[20:], one.csi)


def test_folder_without_any_usable_frame(tmp_path):
    with pytest.raises(DataError, match=r"has no frame001\.mat"):
        read_mmfi_folder(tmp_path)
    (tmp_path / "frame001.mat").write_bytes(b"")
    with pytest.raises(DataError, match="none of the 1 frames can be read: .*empty file"):
        read_mmfi_folder(tmp_path)
