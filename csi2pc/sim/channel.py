"""The radio channel: link, frequencies, and the sum of what the room and the body give."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..csi.layouts import HT40
from ..errors import ConfigError
from .room import RoomConfig, room_paths
from .scattering import SPEED_OF_LIGHT, Facets, scattered


@dataclass(frozen=True)
class RadioConfig:
    """Where the link stands and what it measures: MM-Fi's one transmitter, three receive antennas, 802.11n at 40 MHz.

    Attributes:
        tx: metres, the transmit antenna in the project's frame.
        rx: metres, the receive antennas. The default link passes across the person, the most informative place:
            limbs cut through the direct wave's first Fresnel zone.
        frequency: hertz, centre of the band; 5.32 GHz lies within channels 60 and 64, which MM-Fi's band contains.
        spacing: hertz between neighbouring subcarriers (802.11n: 312.5 kHz).
        skin: reflection coefficient of the body's surface at normal incidence; muscle-like tissue with a relative
            permittivity of about 36 gives -0.71.
    """

    tx: list[float] = field(default_factory=lambda: [-1.6, -0.15, 2.75])
    rx: list[list[float]] = field(
        default_factory=lambda: [[1.6, -0.15, 3.05], [1.6, -0.15, 3.11], [1.6, -0.15, 3.17]]
    )
    frequency: float = 5.32e9
    spacing: float = 312.5e3
    skin: float = -0.71

    def __post_init__(self) -> None:
        if len(self.tx) != 3 or not self.rx or any(len(place) != 3 for place in self.rx):
            raise ConfigError(f"radio.tx must be [x, y, z] and radio.rx a list of them; got {self.tx} and {self.rx}")
        if not 1e8 <= self.frequency <= 1e11:
            raise ConfigError(f"radio.frequency must lie within 1e8..1e11 Hz; got {self.frequency}")
        if not 0 < self.spacing <= 1e7:
            raise ConfigError(f"radio.spacing must lie within 0..1e7 Hz; got {self.spacing}")
        if not -1.0 <= self.skin <= 1.0:
            raise ConfigError(f"radio.skin must lie within -1..1; got {self.skin}")

    @property
    def offsets(self) -> np.ndarray:
        """float64 (114,) hertz: the subcarriers relative to the centre."""
        return HT40 * self.spacing


def static_response(room: RoomConfig, radio: RadioConfig) -> np.ndarray:
    """Frequency response of the empty room, direct path (Friis) and reflections: complex128 ``(R, S)``.

    Every path of length d contributes wavelength / (4 pi d), its reflection coefficients, and its delay's phase.
    """
    frequencies = radio.frequency + radio.offsets
    responses = []
    for receiver in radio.rx:
        paths = room_paths(room, np.array(radio.tx), np.array(receiver), radio.frequency)
        gains = SPEED_OF_LIGHT / radio.frequency / (4 * np.pi * paths.lengths) * paths.coefficients
        phases = np.exp(-2j * np.pi * frequencies * paths.lengths[:, None] / SPEED_OF_LIGHT)  # (L, S)
        responses.append(np.sum(gains[:, None] * phases, axis=0))
    return np.stack(responses)


def body_response(facets: Facets, radio: RadioConfig) -> np.ndarray:
    """What people add, packet by packet: complex128 ``(P, R, S)``.

    Single scattering: the wave reaches the body and leaves it without meeting a wall.
    """
    return scattered(
        facets,
        np.array(radio.tx),
        np.array(radio.rx),
        frequency=radio.frequency,
        offsets=radio.offsets,
        reflection=radio.skin,
    )
