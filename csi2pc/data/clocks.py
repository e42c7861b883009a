"""Clocks of one session: every receiver and every target stream has its own, and all meet on the session's clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ConfigError

#: Parts per million. Quartz is within 100; ten times as much and more is a wrong unit.
LARGEST_DRIFT = 10_000.0


@dataclass(frozen=True)
class Clock:
    """How a clock meets the session's: ``t_session = t + offset + (t - since) * drift / 1e6``.

    With the default ``since`` that is ``t * (1 + drift / 1e6) + offset``.

    Attributes:
        offset: seconds; what the session's clock shows when this one shows ``since``, less ``since``.
        drift: parts per million by which the session's clock runs fast against this one, within +-10,000. Quartz
            keeps within 100.
        since: seconds on this clock; the instant at which ``offset`` holds. With times since 1970, drift without it
            would amount to hours.
    """

    offset: float = 0.0
    drift: float = 0.0
    since: float = 0.0

    def __post_init__(self) -> None:
        if not np.isfinite([self.offset, self.drift, self.since]).all():
            raise ConfigError(f"a clock needs finite numbers; got {self}")
        if abs(self.drift) > LARGEST_DRIFT:
            raise ConfigError(
                f"drift is in parts per million, within {LARGEST_DRIFT:.0f} of 0; got {self.drift}: two quartz clocks "
                f"drift by less than 100"
            )

    def to_session(self, times: np.ndarray) -> np.ndarray:
        """Times of this clock (seconds) on the session's."""
        rate = self.drift * 1e-6
        return np.asarray(times, dtype=np.float64) * (1 + rate) + (self.offset - self.since * rate)
