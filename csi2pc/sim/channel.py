"""The radio channel: links, frequencies, and the sum of what the room and the people give."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from ..csi.layouts import HT20, HT40, INTEL5300_HT20, INTEL5300_HT40, LEGACY20, VHT80
from ..errors import ConfigError
from .room import RoomConfig, room_paths
from .scattering import SPEED_OF_LIGHT, Facets, scattered

#: Layout -> the subcarriers that are measured, and the bandwidth in hertz.
LAYOUTS: dict[str, tuple[np.ndarray, float]] = {
    "mmfi": (HT40, 40e6),
    "ht40": (HT40, 40e6),
    "ht20": (HT20, 20e6),
    "lltf": (LEGACY20, 20e6),
    "vht80": (VHT80, 80e6),
    "intel5300_ht20": (INTEL5300_HT20, 20e6),
    "intel5300_ht40": (INTEL5300_HT40, 40e6),
}
#: Name of the receiver whose antennas are ``radio.rx``.
FIRST = "rx"


@dataclass(frozen=True)
class RadioConfig:
    """Where the links stand and what they measure; by default MM-Fi's: one transmitter, three receive antennas,
    802.11n at 40 MHz.

    Attributes:
        tx: metres, the transmit antenna in the project's frame.
        rx: metres, the receive antennas. The default link passes across the person, the most informative place:
            limbs cut through the direct wave's first Fresnel zone.
        layout: what is measured: "mmfi" (114 subcarriers of three antennas in MM-Fi's .mat files), or, in capture files
            beside a manifest and with any antennas, "ht40" (114), "ht20" (56), "lltf" (52), "vht80" (242),
            "intel5300_ht20" or "intel5300_ht40" (30 each).
        frequency: hertz, centre of the band; 5.32 GHz lies within channels 60 and 64, which MM-Fi's band contains.
            Channel 1 at 20 MHz is 2.412e9.
        spacing: hertz between neighbouring subcarriers (802.11n: 312.5 kHz).
        skin: reflection coefficient of the body's surface at normal incidence; muscle-like tissue with a relative
            permittivity of about 36 gives -0.71.
        further_tx: metres, more antennas of the same transmitter, if any.
        receivers: further receivers beside ``rx``: name -> metres, its antennas. Each has hardware of its own, with its
            own phase, timing, gain and noise.
        device: what capture files name as their device.
    """

    tx: list[float] = field(default_factory=lambda: [-1.6, -0.15, 2.75])
    rx: list[list[float]] = field(
        default_factory=lambda: [[1.6, -0.15, 3.05], [1.6, -0.15, 3.11], [1.6, -0.15, 3.17]]
    )
    layout: str = "mmfi"
    frequency: float = 5.32e9
    spacing: float = 312.5e3
    skin: float = -0.71
    further_tx: list[list[float]] = field(default_factory=list)
    receivers: dict[str, list[list[float]]] = field(default_factory=dict)
    device: str = "simulated"

    def __post_init__(self) -> None:
        if len(self.tx) != 3 or not self.rx or any(len(place) != 3 for place in self.rx):
            raise ConfigError(f"radio.tx must be [x, y, z] and radio.rx a list of them; got {self.tx} and {self.rx}")
        if any(len(place) != 3 for place in self.further_tx):
            raise ConfigError(f"radio.further_tx must be a list of [x, y, z]; got {self.further_tx}")
        for name, places in self.receivers.items():
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name.lower() == FIRST:
                raise ConfigError(
                    f"radio.receivers need names of letters, digits, - and _, other than {FIRST!r}, since files are "
                    f"called after them; got {name!r}"
                )
            if not places or any(len(place) != 3 for place in places):
                raise ConfigError(f"radio.receivers.{name} must be a list of [x, y, z], at least one; got {places}")
        if len({name.lower() for name in self.receivers}) < len(self.receivers):
            raise ConfigError(f"radio.receivers must differ by more than case; got {', '.join(self.receivers)}")
        if self.layout not in LAYOUTS:
            raise ConfigError(f"radio.layout must be one of {', '.join(LAYOUTS)}; got {self.layout!r}")
        if not 1e8 <= self.frequency <= 1e11:
            raise ConfigError(f"radio.frequency must lie within 1e8..1e11 Hz; got {self.frequency}")
        if not 0 < self.spacing <= 1e7:
            raise ConfigError(f"radio.spacing must lie within 0..1e7 Hz; got {self.spacing}")
        if not -1.0 <= self.skin <= 1.0:
            raise ConfigError(f"radio.skin must lie within -1..1; got {self.skin}")

    @property
    def subcarriers(self) -> np.ndarray:
        """int64 ``(S,)``: true indices."""
        return LAYOUTS[self.layout][0]

    @property
    def bandwidth(self) -> float:
        """Hertz."""
        return LAYOUTS[self.layout][1]

    @property
    def offsets(self) -> np.ndarray:
        """float64 ``(S,)`` hertz: the subcarriers relative to the centre."""
        return self.subcarriers * self.spacing

    @property
    def transmitters(self) -> np.ndarray:
        """float64 ``(X, 3)`` metres: the transmit antennas."""
        return np.array([self.tx, *self.further_tx])

    @property
    def antennas(self) -> dict[str, np.ndarray]:
        """Receiver -> its antennas, float64 ``(R, 3)`` metres; the first is :data:`FIRST`."""
        return {name: np.array(places) for name, places in {FIRST: self.rx, **self.receivers}.items()}

    def links_of(self, responses: np.ndarray) -> dict[str, np.ndarray]:
        """Receiver -> its links, ``(..., A, S)`` with rx fastest, out of all receivers' ``(..., A, S)``."""
        apart = responses.reshape(*responses.shape[:-2], len(self.transmitters), -1, responses.shape[-1])
        counts = [len(places) for places in self.antennas.values()]
        parts = np.split(apart, np.cumsum(counts)[:-1], axis=-2)  # (..., X, R, S) each
        shape = (*responses.shape[:-2], -1, responses.shape[-1])
        return {name: part.reshape(shape) for name, part in zip(self.antennas, parts, strict=True)}


def static_response(room: RoomConfig, radio: RadioConfig) -> np.ndarray:
    """Frequency response of the empty room, direct path (Friis) and reflections: complex128 ``(A, S)``.

    Every path of length d contributes wavelength / (4 pi d), its reflection coefficients, and its delay's phase. Links
    are the transmit antennas' one after the other, within each the antennas of all receivers.
    """
    frequencies = radio.frequency + radio.offsets
    responses = []
    for sender, receiver in product(radio.transmitters, np.concatenate(list(radio.antennas.values()))):
        paths = room_paths(room, sender, receiver, radio.frequency)
        gains = SPEED_OF_LIGHT / radio.frequency / (4 * np.pi * paths.lengths) * paths.coefficients
        phases = np.exp(-2j * np.pi * frequencies * paths.lengths[:, None] / SPEED_OF_LIGHT)  # (L, S)
        responses.append(np.sum(gains[:, None] * phases, axis=0))
    return np.stack(responses)


def body_response(facets: Facets, radio: RadioConfig) -> np.ndarray:
    """What people add, packet by packet: complex128 ``(P, A, S)``, links as :func:`static_response` has them.

    Single scattering: the wave reaches a body and leaves it without meeting a wall.
    """
    antennas = np.concatenate(list(radio.antennas.values()))
    options = {"frequency": radio.frequency, "offsets": radio.offsets, "reflection": radio.skin}
    return np.concatenate([scattered(facets, sender, antennas, **options) for sender in radio.transmitters], axis=1)
