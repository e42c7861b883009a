"""Whether everything that a configuration names has its place: sensors, antennas and people in the room and apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConfigError
from .walk import WALK

if TYPE_CHECKING:
    from .config import SimConfig

#: How far from the spot a person reaches at most, as a share of the height: side lunges with hands on hips or ahead,
#: 0.56 at most over the 27 actions and different bodies (tests/sim/test_placing.py).
REACH = 0.65


@dataclass(frozen=True)
class _Place:
    """Where a person may be: around a spot, or anywhere between two.

    Attributes:
        name: as the configuration calls it.
        ends: float ``(2, 2)`` metres, x and z; twice the same for a spot.
    """

    name: str
    ends: np.ndarray

    def distance(self, other: np.ndarray) -> float:
        """Metres from ``(x, z)`` to the nearest spot."""
        start, way = self.ends[0], self.ends[1] - self.ends[0]
        length = way @ way
        share = np.clip((other - start) @ way / length, 0.0, 1.0) if length else 0.0
        return float(np.linalg.norm(start + share * way - other))


def check_places(config: SimConfig) -> None:
    """Raises ConfigError where something lies outside the room, or a person could touch a wall, an antenna, the sensors
    or another person."""
    antennas = {"radio.tx": config.radio.tx}
    antennas |= {f"radio.further_tx[{i}]": place for i, place in enumerate(config.radio.further_tx)}
    antennas |= {f"radio.rx[{i}]": place for i, place in enumerate(config.radio.rx)}
    for receiver, places in config.radio.receivers.items():
        antennas |= {f"radio.receivers.{receiver}[{i}]": place for i, place in enumerate(places)}
    for name, place in {"the camera": [0.0, 0.0, 0.0], **antennas}.items():
        _check_inside(config, name, place, axes=(0, 1, 2), margin=0.02)
    _check_links(config)
    height = config.body.height[1]
    if config.room.upper[1] - config.room.lower[1] < 1.3 * height:
        raise ConfigError(
            f"the room must be 1.3 times as high as the tallest person ({height} m) to raise the hands in; "
            f"got {config.room.upper[1] - config.room.lower[1]:.2f} m. Lower room.lower[1] or body.height"
        )
    reach = REACH * height + config.motion.spot_spread
    subject, companions = _subject(config), _companions(config)
    for person in (*subject, *companions):
        _check_person(config, person, antennas, reach)
    for person in subject:
        nearest = person.ends[:, 1].min()
        if nearest < reach:
            raise ConfigError(
                f"{person.name} must be at least {reach:.2f} m in front of the sensors; got z = {nearest}. Move it back"
            )
    for number, companion in enumerate(companions):
        for other in (*subject, *companions[:number]):
            distance = other.distance(companion.ends[0])
            if distance < 2 * reach:
                raise ConfigError(
                    f"{companion.name} must be {2 * reach:.2f} m or more from {other.name}, so that outstretched arms "
                    f"do not meet; got {distance:.2f} m. Move it, or lower body.height or motion.spot_spread"
                )


def _check_links(config: SimConfig) -> None:
    for sender in config.radio.transmitters:
        for name, places in config.radio.antennas.items():
            if np.linalg.norm(places - sender, axis=1).min() < 0.1:
                raise ConfigError(
                    f"transmit and receive antennas must be at least 0.1 m apart; one of {name} is at {sender.tolist()}"
                )


def _subject(config: SimConfig) -> list[_Place]:
    places = []
    if set(config.actions) != {WALK}:
        places.append(_Place("motion.spot", np.array([config.motion.spot] * 2, dtype=float)))
    if WALK in config.actions:
        places.append(_Place("walk.path", np.array(config.walk.path, dtype=float)))
    return places


def _companions(config: SimConfig) -> list[_Place]:
    if any(len(spot) != 2 for spot in config.companions):
        raise ConfigError(f"companions must be a list of [x, z] in metres; got {config.companions}")
    return [
        _Place(f"companions[{i}]", np.array([spot] * 2, dtype=float)) for i, spot in enumerate(config.companions)
    ]


def _check_person(config: SimConfig, person: _Place, antennas: dict[str, list[float]], reach: float) -> None:
    for x, z in person.ends.tolist():
        _check_inside(config, f"{person.name} with outstretched arms", [x, 0.0, z], axes=(0, 2), margin=reach)
    for name, antenna in antennas.items():
        if person.distance(np.array([antenna[0], antenna[2]])) < reach:
            raise ConfigError(
                f"{name} must be out of the reach of the person at {person.name} ({reach:.2f} m); got {antenna}"
            )
    if person.distance(np.zeros(2)) < reach:
        raise ConfigError(
            f"{person.name} must be at least {reach:.2f} m in front of the sensors, or beside or behind them; got "
            f"{person.ends[0].tolist()}"
        )


def _check_inside(config: SimConfig, name: str, place: list[float], *, axes: tuple[int, ...], margin: float) -> None:
    for axis in axes:
        low, high = config.room.lower[axis] + margin, config.room.upper[axis] - margin
        if not low <= place[axis] <= high:
            raise ConfigError(
                f"{name} must lie inside the room, {'xyz'[axis]} within {low:.2f}..{high:.2f} m; "
                f"got {place[axis]}. Move it or enlarge room.lower / room.upper"
            )
