"""The room: a box, and the paths a radio wave takes in it when nobody is there, by the image method."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import ConfigError

#: ITU-R P.2040-3, table 3: relative permittivity a, and conductivity c * f^d in S/m with f in GHz.
MATERIALS: dict[str, tuple[float, float, float]] = {
    "concrete": (5.24, 0.0462, 0.7822),
    "brick": (3.91, 0.0238, 0.16),
    "plasterboard": (2.73, 0.0085, 0.9395),
    "wood": (1.99, 0.0047, 1.0718),
    "ceiling_board": (1.48, 0.0011, 1.0750),
    "metal": (1.0, 1e7, 0.0),
}
_VACUUM_PERMITTIVITY = 8.8541878128e-12


@dataclass(frozen=True)
class RoomConfig:
    """A box-shaped room around the sensors, in the project's frame (x right, y down, z forward; camera at 0).

    Attributes:
        lower: metres, least x, y, z: left wall, **ceiling**, wall behind the sensors.
        upper: metres, greatest x, y, z: right wall, **floor**, wall behind the person. The default floor lies as
            far under the sensor as in MM-Fi (ankles of its known pose at y = 0.76).
        walls, floor, ceiling: materials, see :data:`MATERIALS`.
        order: greatest number of reflections on a path; 2 gives 25 paths, 0 the direct one only.
        spread: metres by which the walls of scenes after the first are shifted at most.
    """

    lower: list[float] = field(default_factory=lambda: [-2.7, -1.95, -1.3])
    upper: list[float] = field(default_factory=lambda: [3.1, 0.84, 5.0])
    walls: str = "concrete"
    floor: str = "concrete"
    ceiling: str = "ceiling_board"
    order: int = 2
    spread: float = 0.6

    def __post_init__(self) -> None:
        if len(self.lower) != 3 or len(self.upper) != 3:
            raise ConfigError(f"room.lower and room.upper must be [x, y, z]; got {self.lower} and {self.upper}")
        if any(low >= high for low, high in zip(self.lower, self.upper, strict=True)):
            raise ConfigError(f"room.lower must be below room.upper in x, y and z; got {self.lower} and {self.upper}")
        for name in ("walls", "floor", "ceiling"):
            if getattr(self, name) not in MATERIALS:
                raise ConfigError(f"room.{name} must be one of {', '.join(MATERIALS)}; got {getattr(self, name)!r}")
        if not 0 <= self.order <= 4:
            raise ConfigError(f"room.order must lie within 0..4; got {self.order}")
        if not 0.0 <= self.spread <= 5.0:
            raise ConfigError(f"room.spread must lie within 0..5 m; got {self.spread}")


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths between two points.

    Attributes:
        lengths: float ``(L,)`` metres.
        coefficients: complex ``(L,)``, product of the reflection coefficients on the way; 1 for the direct path.
    """

    lengths: np.ndarray
    coefficients: np.ndarray


def room_paths(room: RoomConfig, start: np.ndarray, end: np.ndarray, frequency: float) -> Paths:
    """Direct path and reflections between two points of an empty room (image method).

    A path with n images along an axis meets that axis' two surfaces in turn, always at the same angle. Antennas are
    vertical: walls are met across the plane of incidence (TE), floor and ceiling within it (TM).

    Args:
        room: the box.
        start, end: float ``(3,)`` metres.
        frequency: hertz, at which the materials are taken.

    Returns:
        Paths, the direct one first.
    """
    lower, upper = np.array(room.lower), np.array(room.upper)
    steps = np.arange(-room.order, room.order + 1)
    images = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    bounces = np.abs(images).sum(axis=1)
    images = images[np.argsort(bounces, kind="stable")][: np.count_nonzero(bounces <= room.order)]  # (L, 3)
    # An even image is the point shifted by whole room lengths, an odd one is mirrored too.
    mirrored = np.where(images % 2 == 0, start, lower + upper - start) + images * (upper - lower)
    leg = end - mirrored
    lengths = np.linalg.norm(leg, axis=1)
    cosines = np.abs(leg) / lengths[:, None]  # (L, 3), of the angle to each axis' surfaces
    # Going to the image n > 0 meets the upper surface first: ceil(n / 2) times, the lower one floor(n / 2) times.
    count = np.abs(images)
    upper_hits = np.where(images > 0, (count + 1) // 2, count // 2)
    lower_hits = count - upper_hits
    coefficients = np.ones(len(images), dtype=complex)
    for axis in range(3):
        vertical = axis == 1
        low = fresnel(room.ceiling if vertical else room.walls, cosines[:, axis], frequency, parallel=vertical)
        high = fresnel(room.floor if vertical else room.walls, cosines[:, axis], frequency, parallel=vertical)
        coefficients *= low ** lower_hits[:, axis] * high ** upper_hits[:, axis]
    return Paths(lengths, coefficients)


def fresnel(material: str, cosine: np.ndarray, frequency: float, *, parallel: bool) -> np.ndarray:
    """Reflection coefficient of a thick slab (Fresnel; materials after ITU-R P.2040).

    Args:
        material: a key of :data:`MATERIALS`.
        cosine: float, of the angle between ray and the surface's normal, 0..1.
        frequency: hertz.
        parallel: the electric field lies in the plane of incidence (TM) instead of across it (TE).

    Returns:
        complex, like ``cosine``; -1 for a perfect conductor across, +1 within the plane of incidence.
    """
    a, c, d = MATERIALS[material]
    conductivity = c * (frequency / 1e9) ** d
    permittivity = a - 1j * conductivity / (2 * np.pi * frequency * _VACUUM_PERMITTIVITY)
    inside = np.sqrt(permittivity - (1.0 - np.asarray(cosine) ** 2))
    first = permittivity * cosine if parallel else np.asarray(cosine)
    return (first - inside) / (first + inside)


def room_of_scene(room: RoomConfig, scene: int, rng: np.random.Generator) -> RoomConfig:
    """The first scene's room is the configured one; others have their walls elsewhere, further out."""
    if scene == 1:
        return room
    out = rng.uniform(0.0, room.spread, size=6) * (1, 0, 1, 1, 0, 1)  # floor and ceiling stay
    return RoomConfig(
        lower=[float(v) for v in np.subtract(room.lower, out[:3])],
        upper=[float(v) for v in np.add(room.upper, out[3:])],
        walls=room.walls,
        floor=room.floor,
        ceiling=room.ceiling,
        order=room.order,
        spread=room.spread,
    )


def box_ranges(room: RoomConfig, origin: np.ndarray, rays: np.ndarray) -> np.ndarray:
    """How far rays from a point inside go until they meet a wall, the floor or the ceiling.

    Args:
        room: the box.
        origin: float ``(3,)`` metres, inside.
        rays: float ``(..., 3)`` unit vectors.

    Returns:
        float ``(...)`` metres.
    """
    with np.errstate(divide="ignore"):
        reach = np.where(rays > 0, (room.upper - origin) / rays, (room.lower - origin) / rays)
    return np.where(rays == 0, np.inf, reach).min(axis=-1)
