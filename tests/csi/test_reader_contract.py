"""One contract for every reader of a capture format: recognition, invariants of what comes out, damage, an oracle."""

import subprocess
import sys

import numpy as np
import pytest
from capture_rows import FALLBACKS, PACKETS, ROWS

from csi2pc.csi.layouts import LEGACY20, VHT80
from csi2pc.csi.read import FORMATS, HEAD, read_layouts, recognise
from csi2pc.errors import DataError
from csi2pc.types import Capture

READERS = {form.read.__name__: form for form in FORMATS}
FILES = [name for name in READERS if name in ROWS and not READERS[name].folder]
CHAINS = [name for name in FILES if ROWS[name].chain]
SAMPLES = [(name, sample) for name in READERS if name in ROWS for sample in ROWS[name].samples]
ORACLES = [(name, sample) for name, sample in SAMPLES if ROWS[name].oracle]
#: A recording is read whole up to this size, and by its beginning beyond it (bytes).
LARGEST = 1_000_000


def sample_of(real_data, sample):
    content = (real_data / sample).read_bytes()[:LARGEST]
    return content[: content.rfind(b"\n") + 1] if len(content) == LARGEST else content


def synthetic(name, path, seed=0):
    """Write a synthetic recording of a format to ``path``."""
    row, rng = ROWS[name], np.random.default_rng(seed)
    if row.chain:
        path.write_bytes(b"".join(row.chain(rng)))
    else:
        row.write(path, rng)
    return path


def check(captures, path, *, zeros):
    """What holds for every recording whatever it went through; returns its packets, read and skipped."""
    assert captures and all(isinstance(capture, Capture) for capture in captures)
    lengths = [len(capture) for capture in captures]
    assert lengths == sorted(lengths, reverse=True) and min(lengths) > 0
    skipped = set()
    for capture in captures:
        csi, valid = capture.csi, capture.valid
        assert csi.dtype == np.complex64 and valid.dtype == np.bool_ and csi.shape == valid.shape
        assert csi.shape[1] == capture.rx * capture.tx and csi.shape[2] == len(capture.subcarriers)
        assert np.isfinite(csi).all() and not csi[~valid].any() and valid.any((1, 2)).all()
        assert zeros or (csi[valid] != 0).all()
        assert capture.timestamps.dtype == np.float64 and np.isfinite(capture.timestamps).all()
        assert (np.diff(capture.timestamps) >= 0).all()
        assert capture.subcarriers.dtype == np.int64 and (np.diff(capture.subcarriers) > 0).all()
        for values in (capture.rssi, capture.noise_floor, capture.agc, capture.rssi_antennas):
            assert values is None or (values.dtype == np.float32 and not np.isinf(values).any())
        assert all(values.dtype != object for values in capture.fields.values())
        assert capture.report.read == len(capture) and capture.source == str(path)
        assert (len(captures) > 1) == any("layouts in one file" in note for note in capture.report.notes)
        skipped |= {(skip.where, skip.reason) for skip in capture.report.skipped}
    return sum(lengths), len(skipped)


def layout_of(capture):
    return (capture.device, capture.rx, capture.tx, capture.subcarriers.tobytes(), capture.center_frequency,
            capture.bandwidth)  # fmt: skip


def test_every_format_has_a_row():
    missing = set(READERS) - set(ROWS)
    assert not missing, f"tests/capture_rows.py needs a row for {', '.join(sorted(missing))}"
    tried = [name for name, form in READERS.items() if not form.folder]
    own = max(tried.index(name) for name in ("read_capture_hdf5", "read_capture_npz", "read_mmfi_frame"))
    assert all(tried.index(name) > own for name in FALLBACKS)  # these are NPZ, MATLAB and HDF5 files, too


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_recordings_are_recognised_under_a_wrong_suffix_and_keep_the_contract(real_data, tmp_path, name, sample):
    content = sample_of(real_data, sample)
    path = tmp_path / "recording.xyz"
    path.write_bytes(content)
    check(read_layouts(path), path, zeros=ROWS[name].zeros)
    only(name, content[:HEAD])


@pytest.mark.parametrize("name", READERS)
def test_synthetic_recordings_are_recognised_under_a_wrong_suffix_and_keep_the_contract(tmp_path, name):
    path = synthetic(name, tmp_path / "recording.dat.csv.mat")
    read, skipped = check(read_layouts(path, **ROWS[name].options), path, zeros=ROWS[name].zeros)
    assert skipped == 0 and (read == PACKETS or not ROWS[name].chain)
    assert recognise(path) is READERS[name]
    if not READERS[name].folder:
        only(name, path.read_bytes()[:HEAD])


def only(name, head):
    """``head`` is of this format, and of no other but the last resorts."""
    seen = {other for other, form in READERS.items() if not form.folder and form.looks_like(head)}
    assert name in seen and seen - FALLBACKS <= {name}


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_recording_is_not_recognised(tmp_path, name, rng):
    looks_like = READERS[name].looks_like
    noise = [rng.integers(0, 256, 4000, dtype=np.uint8).tobytes() for _ in range(50)]
    text = [b"time,x,y\n1,2,3\n" * 300, b"{}\n", b"\xff\xfe" * 900, "µ".encode() * 3000]
    for head in (b"", b"\0", bytes(HEAD), b"\xff" * HEAD, *noise, *text):
        assert not looks_like(head)
    path = tmp_path / "noise.dat"
    path.write_bytes(noise[0])
    with pytest.raises(DataError, match="no known capture format"):
        read_layouts(path)
    with pytest.raises(DataError, match=str(path)):  # the reader itself, told to read what is none
        READERS[name].read(path, **ROWS[name].options)


@pytest.mark.parametrize("name", FILES)
def test_missing_and_empty_files(tmp_path, name):
    read, options = READERS[name].read, ROWS[name].options
    with pytest.raises(DataError, match="missing.bin"):
        read(tmp_path / "missing.bin", **options)
    (tmp_path / "empty.bin").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty\.bin"):
        read(tmp_path / "empty.bin", **options)
    with pytest.raises(DataError):
        read(tmp_path, **options)


@pytest.mark.parametrize("name", CHAINS)
def test_a_log_cut_off_gives_the_packets_before_the_cut(tmp_path, name):
    row = ROWS[name]
    pieces = row.chain(np.random.default_rng(0))
    ends = np.cumsum([len(piece) for piece in pieces])
    path = tmp_path / "log"
    (whole,) = READERS[name].read(synthetic(name, path), **row.options)
    for packet in (1, 2, PACKETS // 2, PACKETS):
        for cut in {ends[packet], ends[packet] - 3, ends[packet - 1] + 1, (ends[packet] + ends[packet - 1]) // 2}:
            path.write_bytes(b"".join(pieces)[:cut])
            complete = int(np.searchsorted(ends[1:], cut, side="right"))
            if complete == 0:
                with pytest.raises(DataError):
                    READERS[name].read(path, **row.options)
                continue
            (capture,) = READERS[name].read(path, **row.options)
            assert check([capture], path, zeros=row.zeros) == (complete, int(cut not in ends))
            assert np.array_equal(capture.csi, whole.csi[:complete])
            assert np.array_equal(capture.timestamps, whole.timestamps[:complete])


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_recording_cut_off_gives_a_prefix_or_an_error(real_data, tmp_path, rng, name, sample):
    row, read = ROWS[name], READERS[name].read
    content = sample_of(real_data, sample)
    path = tmp_path / "recording"
    path.write_bytes(content)
    whole = {layout_of(capture): capture for capture in read(path, **row.options)}
    for cut in [0, 1, 30, len(content) - 1, *rng.integers(0, len(content), 12).tolist()]:
        path.write_bytes(content[:cut])
        try:
            captures = read(path, **row.options)
        except DataError:
            continue
        check(captures, path, zeros=row.zeros)
        for capture in captures:
            longer = whole.get(layout_of(capture))
            if longer is not None:
                assert np.array_equal(capture.csi, longer.csi[: len(capture)])


@pytest.mark.parametrize("name", CHAINS)
def test_a_log_twice_over_is_counted_twice_over(tmp_path, name):
    row = ROWS[name]
    path = synthetic(name, tmp_path / "log")
    path.write_bytes(2 * path.read_bytes())
    captures = READERS[name].read(path, **row.options)
    read, skipped = check(captures, path, zeros=row.zeros)
    assert read >= PACKETS and read + skipped >= 2 * PACKETS


@pytest.mark.parametrize("name", CHAINS)
def test_packets_logged_twice_are_kept_once(tmp_path, name):
    row = ROWS[name]
    before, *pieces = row.chain(np.random.default_rng(0))
    path = tmp_path / "log"
    path.write_bytes(before + b"".join(piece + piece for piece in pieces))
    (capture,) = READERS[name].read(path, **row.options)
    assert len(capture) == PACKETS
    assert sum("repeated" in reason for reason in capture.report.counts) == 1
    assert max(capture.report.counts.values()) == PACKETS


@pytest.mark.parametrize(("name", "sample"), ORACLES)
def test_equals_csiread_packet_by_packet(real_data, tmp_path, name, sample):
    """csiread trusts its input, so it runs in a process of its own."""
    pytest.importorskip("csiread")
    path, target = real_data / sample, tmp_path / "theirs.npz"
    code = f"import csiread, numpy as np\npath, target = {str(path)!r}, {str(target)!r}\n{ROWS[name].oracle}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nnp.savez(target, **found)"], capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        pytest.skip(f"csiread cannot read {sample}: {done.stderr.strip().splitlines()[-1:]}")
    compare = {"datagrams": equal_datagrams, "bins": equal_bins}
    theirs = np.load(target)
    compare.get(theirs.files[0], equal_links)(READERS[name].read(path, **ROWS[name].compared), theirs)


def equal_links(captures, theirs):
    """``csi`` (n, tx, rx, S) with room for all antennas; ``ticks`` microseconds."""
    for capture in captures:
        own = (theirs["rx"] == capture.rx) & (theirs["tx"] == capture.tx)
        csi = theirs["csi"][own][:, : capture.tx, : capture.rx].reshape(capture.csi.shape)
        assert np.array_equal(capture.csi, csi)
        steps = np.diff(theirs["ticks"][own].astype(np.int64)) * 1e-6
        assert np.allclose(np.diff(capture.timestamps), steps, rtol=0, atol=1e-6)
    assert sum(len(capture) for capture in captures) == len(theirs["rx"])


def equal_datagrams(captures, theirs):
    """``datagrams`` (n, 256): one link each, the rotation still in."""
    (capture,) = captures
    turned = capture.csi * np.where(VHT80 >= -64, -1, 1)
    assert np.array_equal(turned.reshape(-1, len(VHT80)), theirs["datagrams"][:, VHT80 % 256])


def equal_bins(captures, theirs):
    """``bins`` (n, 64) of the legacy training field, for the packets that we read."""
    ticks = theirs["ticks"].astype(np.int64)
    for capture in captures:
        ours = np.round(capture.timestamps * 1e6).astype(np.int64) % 2**32
        places = [np.flatnonzero(ticks % 2**32 == tick) for tick in ours.tolist()]
        for csi, valid, candidates in zip(capture.csi[:, 0], capture.valid[:, 0], places, strict=True):
            measured = LEGACY20[valid] % 64
            assert any(np.array_equal(csi[valid], theirs["bins"][place][measured]) for place in candidates)
