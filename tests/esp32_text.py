"""Lines of ESP32 logs for tests, from integers as a chip stores them."""

from __future__ import annotations

import numpy as np

from csi2pc.csi.esp32_csv import LAYOUTS

MAC = "AA:BB:CC:00:11:22"


def row(values, *, layout=25, length=None, **fields):
    """One line of a log. ``values``: integers as stored, imaginary part first."""
    known = {"type": "CSI_DATA", "mac": MAC, "rssi": -50, "noise_floor": -95, "channel": 6, "local_timestamp": 0}
    known |= {"len": len(values) if length is None else length} | fields
    head = ",".join(str(known.get(name, 0)) for name in LAYOUTS[layout])
    return f"{head},[{' '.join(map(str, values))} ]" if layout == 25 else f'{head},"[{",".join(map(str, values))}]"'


def header(layout):
    """The header row of a layout."""
    return ",".join([*LAYOUTS[layout], "data"])


def stored(csi_of_bin):
    """Values of one field from complex integers by bin."""
    return np.stack([csi_of_bin.imag, csi_of_bin.real], -1).astype(int).reshape(-1).tolist()


def bins_of(rng, indices, bin_of_index, count):
    """Random CSI in the bins of ``indices``, zero elsewhere; and the CSI by index."""
    csi = rng.integers(1, 100, len(indices)) + 1j * rng.integers(-100, -1, len(indices))
    by_bin = np.zeros(count, dtype=complex)
    by_bin[bin_of_index(indices)] = csi
    return stored(by_bin), csi
