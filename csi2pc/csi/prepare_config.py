"""How CSI is prepared, as configuration: saved with the model, so that inference prepares as training did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..errors import ConfigError
from .smoothing import butterworth_memory, check_butterworth, check_savitzky_golay

PhaseKind = Literal[
    "none", "per_antenna", "two_point", "joint", "joint_slope", "conjugate_product", "antenna_ratio"
]
LevelKind = Literal["none", "packet_antenna", "packet", "rssi", "snr", "agc"]
SmoothingKind = Literal["none", "savitzky_golay", "butterworth"]
SmoothedKind = Literal["amplitude", "complex"]
ChannelsKind = Literal["amplitude_phase", "log_amplitude_sin_cos"]

#: Kinds of phase whose result still changes at random from packet to packet: no mean over packets makes sense.
RANDOM_PHASE = ("none", "joint_slope")
#: Kinds of phase that use up one receive antenna.
REFERRED = ("conjugate_product", "antenna_ratio")

_CHOICES = {
    "phase": PhaseKind, "level": LevelKind, "smoothing": SmoothingKind, "smoothed": SmoothedKind,
    "channels": ChannelsKind,
}  # fmt: skip


@dataclass(frozen=True)
class PrepareConfig:
    """How CSI is prepared and cut into windows. Saved with the model: inference prepares as training did.

    The steps come in this order: repair, recorded level, phase, level, subcarriers, Hampel, resampling, smoothing,
    windows, channels.

    Attributes:
        window: packets in a window, at least 1. MM-Fi has 10 in a frame.
        duration: seconds a window spans, more than 0. MM-Fi's frames are 0.1 s apart.
        subcarriers: true indices to keep, in increasing order; None keeps all. Chosen after repair, phase and level,
            so that these use every tone there is.
        interpolate: a wanted subcarrier that lies between those of the capture is interpolated, so that captures of
            other layouts fit; without, a capture that lacks one is refused. Nothing is extrapolated.
        phase: ``"per_antenna"`` takes a line out of each packet's and link's phase, ``"two_point"`` the same by the
            first and last tone; ``"joint"`` one line out of all links of a packet, which keeps the angle of arrival
            (``"joint_slope"`` the slope alone, as SpotFi: CFO stays); ``"conjugate_product"`` and
            ``"antenna_ratio"`` relate the others to a reference antenna, which is used up: ``rx - 1`` are left;
            ``"none"`` leaves it raw, that is, random from packet to packet.
        reference_antenna: the receive antenna, from 0, that ``joint``, ``conjugate_product`` and ``antenna_ratio``
            refer to. The strongest is best; it is a number and not found from the data, since it must be the same
            for every capture of a model.
        level: ``"packet_antenna"`` sets each packet's and link's root mean square amplitude to 1 (AGC jumps from
            packet to packet); ``"packet"`` does so with one factor for all links; ``"rssi"`` scales each packet to
            its recorded RSSI, ``"snr"`` to RSSI over the recorded noise floor, ``"agc"`` takes the recorded gain out;
            ``"none"`` keeps the recorded amplitudes.
        level_dbm: the received power, dBm, whose amplitude is 1 under ``level: rssi``. -50 is this project's choice,
            a usual RSSI within a room.
        hampel: packets on each side by whose median outliers of the amplitude are found; 0 leaves the filter out.
        hampel_threshold: in standard deviations. 3 is Pearson's (2002).
        rate: packets a second, at equal steps, to resample to; None keeps the packets as they came.
        max_gap: seconds, more than 0: across a longer hole nothing is filtered or resampled. As long as MM-Fi's
            frames are apart, this project's choice.
        smoothing: ``"savitzky_golay"``, ``"butterworth"`` (which needs ``rate``) or ``"none"``.
        smoothed: ``"amplitude"`` alone, or ``"complex"``: real and imaginary part of CSI whose phase repeats.
        smoothing_window: packets, odd, of Savitzky-Golay.
        smoothing_order: of Savitzky-Golay's polynomial, or of Butterworth's single pass.
        cutoff: hertz, of Butterworth. 20 Hz is an echo whose path changes by 2.4 m a second at 2.4 GHz, 1.1 m at
            5.5: arms are faster than that.
        channels: ``"log_amplitude_sin_cos"`` (3 channels) or ``"amplitude_phase"`` (2, as CSI2PC was published).
        max_unmeasured: a window with a larger share of unmeasured entries is rejected and listed, 0 to 1. Half is
            this project's choice.
        tolerance: how far from its instant a slot of a window may take its packet, in slots (``duration / window``
            seconds), above 0 and at most 1. At 0.5 every instant belongs to exactly one slot.
    """

    window: int = 10
    duration: float = 0.1
    subcarriers: list[int] | None = None
    phase: PhaseKind = "per_antenna"
    level: LevelKind = "packet_antenna"
    channels: ChannelsKind = "log_amplitude_sin_cos"
    max_unmeasured: float = 0.5
    tolerance: float = 0.5
    interpolate: bool = False
    reference_antenna: int = 0
    level_dbm: float = -50.0
    hampel: int = 0
    hampel_threshold: float = 3.0
    rate: float | None = None
    max_gap: float = 0.1
    smoothing: SmoothingKind = "none"
    smoothed: SmoothedKind = "amplitude"
    smoothing_window: int = 11
    smoothing_order: int = 2
    cutoff: float = 20.0

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in get_args(allowed):
                choices = ", ".join(get_args(allowed))
                raise ConfigError(f"{name} must be one of {choices}; got {getattr(self, name)!r}: choose one of them")
        self._check_windows()
        self._check_packets()
        self._check_time()

    def _check_windows(self) -> None:
        if self.window < 1:
            raise ConfigError(f"window must be at least 1 packet; got {self.window}: MM-Fi's frames have 10")
        if not 0 < self.duration < float("inf"):
            raise ConfigError(f"duration must be more than 0 seconds; got {self.duration}: MM-Fi's frames last 0.1")
        if not 0 <= self.max_unmeasured <= 1:
            raise ConfigError(f"max_unmeasured is a share, 0 to 1; got {self.max_unmeasured}: 0.5 allows half")
        if not 0 < self.tolerance <= 1:
            raise ConfigError(f"tolerance must be above 0 and at most 1 slot; got {self.tolerance}: 0.5 is usual")

    def _check_packets(self) -> None:
        if self.subcarriers is not None and (not self.subcarriers or np.any(np.diff(self.subcarriers) <= 0)):
            raise ConfigError(
                f"subcarriers must be strictly increasing indices; got {list(self.subcarriers)}: "
                "sort them, name each once, or use null to keep all"
            )
        if self.interpolate and self.subcarriers is None:
            raise ConfigError("interpolate needs the subcarriers to interpolate to; got null: list them in subcarriers")
        if self.reference_antenna < 0:
            raise ConfigError(f"reference_antenna must be 0 or more; got {self.reference_antenna}: 0 is the first")
        if not -float("inf") < self.level_dbm < float("inf"):
            raise ConfigError(f"level_dbm must be a finite power in dBm; got {self.level_dbm}: -50 is usual")

    def _check_time(self) -> None:
        if self.hampel < 0 or not 0 < self.hampel_threshold < float("inf"):
            raise ConfigError(
                f"hampel must be 0 (off) or more packets, hampel_threshold more than 0; got {self.hampel} and "
                f"{self.hampel_threshold}: 5 and 3 are usual"
            )
        if not 0 < self.max_gap < float("inf"):
            raise ConfigError(f"max_gap must be more than 0 seconds; got {self.max_gap}: 0.1 is usual")
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise ConfigError(f"rate must be more than 0 packets a second, or null; got {self.rate}: 100 is usual")
        if self.smoothing == "savitzky_golay":
            check_savitzky_golay(self.smoothing_window, self.smoothing_order)
        if self.smoothing == "butterworth":
            if self.rate is None:
                raise ConfigError("smoothing: butterworth needs packets at equal steps; got rate: null: set rate (Hz)")
            check_butterworth(self.rate, self.cutoff, self.smoothing_order)
        averaged = self.rate is not None or (self.smoothing != "none" and self.smoothed == "complex")
        if averaged and self.phase in RANDOM_PHASE:
            raise ConfigError(
                f"rate and smoothed: complex mix packets, whose phase under phase: {self.phase} is random; choose "
                "per_antenna, two_point, joint, conjugate_product or antenna_ratio"
            )

    @property
    def filters_time(self) -> bool:
        """Whether a prepared packet depends on others than itself."""
        return self.hampel > 0 or self.rate is not None or self.smoothing != "none"

    @property
    def smoothing_reach(self) -> int:
        """Packets on each side that smoothing looks at; with Butterworth, those beyond weigh less than 1e-6."""
        if self.smoothing == "savitzky_golay":
            return self.smoothing_window // 2
        if self.smoothing == "butterworth" and self.rate is not None:
            return butterworth_memory(rate=self.rate, cutoff=self.cutoff, order=self.smoothing_order)
        return 0

    def reach(self, interval: float) -> float:
        """Seconds before and after it on which a prepared packet depends, where packets come every ``interval``."""
        if not self.filters_time:
            return 0.0
        step = interval if self.rate is None else 1 / self.rate
        return self.hampel * interval + self.smoothing_reach * step + (0 if self.rate is None else interval)

    def receivers(self, rx: int) -> int:
        """Receive antennas that are left of ``rx``: one fewer where one serves as the reference."""
        return rx - 1 if self.phase in REFERRED else rx
