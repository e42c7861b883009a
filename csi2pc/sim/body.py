"""How subjects differ: one body each, drawn once and the same in all its sequences."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import ConfigError
from .mesh import Surface, draw_surface

#: (left, up, front) of a person who faces the sensor -> the project's (right, down, forward).
FACING = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class BodyConfig:
    """The people.

    Attributes:
        people: how many different ones there are: subject n is person ``(n - 1) % people``, so that several subjects'
            folders hold several takes of one person. None makes every subject a person of its own.
        height: metres, lowest and highest; each subject's is drawn evenly between them.
        variety: how far shapes stray from the mean adult: 0 makes all alike but for their height, 1 gives the variety
            of the adults that the asset was made from.
        subdivisions: how often each of the asset's 2,454 facets is cut into four: 0 gives facets of 4 cm, 1 of 2 cm
            (at which the scattered wave has converged at 5 GHz), 2 of 1 cm.
    """

    people: int | None = None
    height: list[float] = field(default_factory=lambda: [1.58, 1.86])
    variety: float = 1.0
    subdivisions: int = 1

    def __post_init__(self) -> None:
        if self.people is not None and self.people < 1:
            raise ConfigError(f"body.people must be at least 1, or null for one a subject; got {self.people}")
        if len(self.height) != 2 or not 0.5 <= self.height[0] <= self.height[1] <= 2.5:
            raise ConfigError(f"body.height must be [lowest, highest] within 0.5..2.5 m; got {self.height}")
        if not 0.0 <= self.variety <= 1.5:
            raise ConfigError(f"body.variety must lie within 0..1.5; got {self.variety}")
        if self.subdivisions not in (0, 1, 2):
            raise ConfigError(f"body.subdivisions must be 0, 1 or 2; got {self.subdivisions}")


def person_of(config: BodyConfig, subject: int) -> int:
    """Which person, from 1, the subject number ``subject``, from 1, is."""
    return subject if config.people is None else (subject - 1) % config.people + 1


def make_body(config: BodyConfig, rng: np.random.Generator) -> Surface:
    """Draw one subject."""
    height = rng.uniform(*config.height)
    return draw_surface(height, build=config.variety, subdivisions=config.subdivisions, rng=rng)
