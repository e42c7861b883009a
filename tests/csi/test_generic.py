"""Files of one's own: what the schema says is what comes out, from every kind of file."""

import h5py
import numpy as np
import pytest
import scipy.io

from csi2pc.csi.generic import looks_like_generic, read_generic
from csi2pc.csi.layouts import HT40, INTEL5300_HT20, VHT80
from csi2pc.errors import ConfigError, DataError

PACKETS, RX, TX = 12, 3, 2
SCHEMA = {"csi": "H", "axes": "packet rx tx subcarrier", "timestamps": "t", "subcarriers": "INTEL5300_HT20"}


@pytest.fixture
def arrays(rng):
    shape = (PACKETS, RX, TX, 30)
    csi = (rng.integers(-99, 99, shape) + 1j * rng.integers(1, 99, shape)).astype(np.complex64)
    return {"H": csi, "t": 5 + np.arange(PACKETS) * 0.01, "level": np.linspace(-50, -40, PACKETS)}


def as_links(csi):
    """(T, rx, tx, S) -> (T, A, S), rx fastest, the slow way."""
    return np.stack([csi[:, a % csi.shape[1], a // csi.shape[1]] for a in range(csi.shape[1] * csi.shape[2])], axis=1)


def save(path, arrays, kind):
    if kind in ("npz", "npz compressed"):
        with path.open("wb") as file:
            (np.savez if kind == "npz" else np.savez_compressed)(file, **arrays)
    elif kind.startswith("mat 5"):
        scipy.io.savemat(path, arrays, do_compression=kind.endswith("compressed"), appendmat=False)
    else:
        with h5py.File(path, "w", userblock_size=512 if kind == "mat 7.3" else 0) as file:
            for name, array in arrays.items():
                if kind == "mat 7.3":  # as MATLAB does: dimensions reversed, at least two, complex as two fields
                    array = np.atleast_2d(array).T
                    if np.iscomplexobj(array):
                        parts = np.empty(array.shape, [("real", "f4"), ("imag", "f4")])
                        parts["real"], parts["imag"] = array.real, array.imag
                        array = parts
                file[name] = array
        if kind == "mat 7.3":
            with path.open("r+b") as file:
                file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return path


KINDS = ["npz", "npz compressed", "mat 5", "mat 5 compressed", "mat 7.3", "h5"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_capture(arrays, tmp_path, kind):
    path = save(tmp_path / "own", arrays, kind)
    assert looks_like_generic(path.read_bytes()[:65536])
    (capture,) = read_generic(path, schema={**SCHEMA, "rssi": "level", "fields": ["level"], "device": "mine"})
    assert np.array_equal(capture.csi, as_links(arrays["H"])) and capture.valid.all()
    assert np.array_equal(capture.timestamps, arrays["t"]) and capture.timing == "recorded"
    assert np.array_equal(capture.subcarriers, INTEL5300_HT20) and (capture.rx, capture.tx) == (RX, TX)
    assert np.array_equal(capture.rssi, arrays["level"].astype(np.float32))
    assert np.array_equal(capture.fields["level"], arrays["level"]) and capture.device == "mine"
    with pytest.raises(DataError, match=r"H \(12, 3, 2, 30\).*t \(.*12.*give the reader's option schema"):
        read_generic(path)
    with pytest.raises(DataError, match=r"no array 'x'; there is .*H \(12, 3, 2, 30\)"):
        read_generic(path, schema={**SCHEMA, "csi": "x"})


@pytest.mark.parametrize("axes", ["packet rx tx subcarrier", "subcarrier packet tx rx", "rx tx subcarrier packet"])
def test_any_order_of_axes(arrays, tmp_path, axes):
    order = ["packet rx tx subcarrier".split().index(word) for word in axes.split()]
    path = save(tmp_path / "own", {**arrays, "H": arrays["H"].transpose(order)}, "npz")
    (capture,) = read_generic(path, schema={**SCHEMA, "axes": axes})
    assert np.array_equal(capture.csi, as_links(arrays["H"]))


@pytest.mark.parametrize("kind", ["npz", "mat 5", "mat 7.3"])
def test_axes_of_size_one_may_be_missing(arrays, tmp_path, kind):
    one = arrays["H"][:, 0, 0]
    path = save(tmp_path / "own", {**arrays, "H": one}, kind)
    (capture,) = read_generic(path, schema={**SCHEMA, "axes": "packet subcarrier"})
    assert np.array_equal(capture.csi, one[:, None]) and (capture.rx, capture.tx) == (1, 1)
    (capture,) = read_generic(path, schema={**SCHEMA, "axes": "packet subcarrier rx tx"})
    assert np.array_equal(capture.csi, one[:, None])


def test_links_need_their_antennas(arrays, tmp_path):
    path = save(tmp_path / "own", {**arrays, "H": as_links(arrays["H"])}, "npz")
    schema = {**SCHEMA, "axes": "packet link subcarrier"}
    (capture,) = read_generic(path, schema={**schema, "tx": TX})
    assert np.array_equal(capture.csi, as_links(arrays["H"])) and (capture.rx, capture.tx) == (RX, TX)
    with pytest.raises(DataError, match="6 links are not 4 rx times 1 tx"):
        read_generic(path, schema={**schema, "rx": 4})


@pytest.mark.parametrize("way", ["real and imag", "iq", "linear", "dB"])
def test_other_ways_to_store_complex_numbers(arrays, tmp_path, way):
    csi = arrays.pop("H")
    schema = {key: value for key, value in SCHEMA.items() if key != "csi"}
    if way == "real and imag":
        arrays.update(I=csi.real.astype(np.int8), Q=csi.imag.astype(np.int16))
        schema.update(real="I", imag="Q")
    elif way == "iq":
        arrays["H"] = np.stack([csi.real, csi.imag], axis=2)
        schema.update(csi="H", axes="packet rx iq tx subcarrier")
    else:
        arrays.update(A=np.abs(csi) if way == "linear" else 20 * np.log10(np.abs(csi)), P=np.angle(csi))
        schema.update(amplitude="A", phase="P", amplitude_unit=way)
    (capture,) = read_generic(save(tmp_path / "own", arrays, "npz"), schema=schema)
    exact = way in ("real and imag", "iq")
    assert np.allclose(capture.csi, as_links(csi), rtol=0 if exact else 1e-5, atol=0)


def test_what_is_not_finite_was_not_measured(arrays, tmp_path):
    arrays["H"][2, 1, 0, 4], arrays["H"][3, 0, 1, 5] = np.nan, np.inf
    arrays["ok"] = np.ones(arrays["H"].shape, dtype=bool)
    arrays["ok"][5, 2, 1, 7] = False
    (capture,) = read_generic(save(tmp_path / "own", arrays, "npz"), schema={**SCHEMA, "valid": "ok"})
    assert len(capture) == PACKETS and np.count_nonzero(~capture.valid) == 3
    assert not capture.csi[~capture.valid].any() and np.isfinite(capture.csi).all()
    amplitude = np.zeros(arrays["H"].shape)
    amplitude[0, 0, 0, 0] = -np.inf
    path = save(tmp_path / "dB", {"A": amplitude, "P": np.ones(amplitude.shape), "t": arrays["t"]}, "npz")
    schema = {**SCHEMA, "csi": None, "amplitude": "A", "phase": "P"}
    assert np.count_nonzero(~read_generic(path, schema={**schema, "amplitude_unit": "dB"})[0].valid) == 1
    amplitude[0, 0, 0, 0] = -3
    path = save(tmp_path / "dB", {"A": amplitude, "P": amplitude, "t": arrays["t"]}, "npz")
    with pytest.raises(DataError, match=r"holds negative amplitudes: is it in dB \(amplitude_unit: dB\)"):
        read_generic(path, schema=schema)


def test_times(arrays, tmp_path):
    path = save(tmp_path / "own", {**arrays, "t": np.arange(PACKETS, dtype=np.uint32) * 1500}, "npz")
    (capture,) = read_generic(path, schema={**SCHEMA, "time_unit": "us"})
    assert np.allclose(np.diff(capture.timestamps), 1.5e-3)
    (capture,) = read_generic(path, schema={**SCHEMA, "timestamps": None, "rate": 50, "synthetic": True})
    assert capture.timing == "nominal" and capture.synthetic and capture.timestamps[1] == 0.02
    arrays["t"][4] = 90
    (capture,) = read_generic(save(tmp_path / "own", arrays, "npz"), schema=SCHEMA)
    assert len(capture) == PACKETS - 1 and "packet 5" in capture.report.skipped[0].where


@pytest.mark.parametrize(("rotation", "layout"), [("HT40", HT40), ("VHT80", VHT80)])
def test_subcarriers_in_any_order_and_rotations(rng, tmp_path, rotation, layout):
    csi = (rng.normal(size=(4, len(layout))) + 1j).astype(np.complex64)
    turned = csi * np.where(layout > 0, 1j, 1) if rotation == "HT40" else csi * np.where(layout >= -64, -1, 1)
    order = rng.permutation(len(layout))
    path = save(tmp_path / "own", {"H": turned[:, order].astype(np.complex64), "k": layout[order]}, "npz")
    (capture,) = read_generic(
        path, schema={"csi": "H", "axes": "packet subcarrier", "rate": 1.0, "subcarriers": "k", "rotation": rotation}
    )
    assert np.array_equal(capture.csi[:, 0], csi) and np.array_equal(capture.subcarriers, layout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"axes": "packet rx subcarrier"}, "4 axes, but the schema's axes name 3"),
        ({"rx": 4}, "3 rx, 2 tx and 30 subcarriers are in the file .* the schema has rx 4"),
        ({"subcarriers": "HT40"}, "subcarriers must be 30 different indices"),
        ({"subcarriers": [1] * 30}, "subcarriers must be 30 different indices"),
        ({"subcarriers": "t"}, "must hold true subcarrier indices"),
        ({"timestamps": "H"}, "'H' must hold real numbers"),
        ({"timestamps": "few"}, "'few' must be 12 times, one a packet"),
        ({"csi": "t"}, "has shape|must be complex"),
        ({"rssi": "few"}, "one row for each of the 12 packets"),
        ({"rssi_antennas": "level"}, r"'level' must have shape \(12, 3\)"),
        ({"valid": "level"}, "must have the shape"),
    ],
)
def test_a_schema_that_does_not_fit(arrays, tmp_path, change, message):
    path = save(tmp_path / "own", {**arrays, "few": np.arange(3.0)}, "npz")
    with pytest.raises(DataError, match=message) as error:
        read_generic(path, schema={**SCHEMA, **change})
    assert str(path) in str(error.value)


def test_the_schema_as_a_file(arrays, tmp_path):
    path = save(tmp_path / "own", arrays, "npz")
    (tmp_path / "schema.yaml").write_text(
        "csi: H\naxes: packet rx tx subcarrier\ntimestamps: t\nsubcarriers: INTEL5300_HT20\n"
    )
    assert len(read_generic(path, schema=str(tmp_path / "schema.yaml"))[0]) == PACKETS
    (tmp_path / "schema.yaml").write_text("csi: H\nkind: x\n")
    with pytest.raises(ConfigError, match=r"schema\.yaml: unknown key 'kind'; allowed are csi, real"):
        read_generic(path, schema=str(tmp_path / "schema.yaml"))
