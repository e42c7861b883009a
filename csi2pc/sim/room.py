"""The room: a box, and the paths a radio wave takes in it when nobody is there, by the image method."""

from __future__ import annotations

from collections.abc import Iterator
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
        coefficients: complex ``(L,)``, what the reflections on the way leave of the field; 1 for the direct path.
    """

    lengths: np.ndarray
    coefficients: np.ndarray


def room_paths(room: RoomConfig, start: np.ndarray, end: np.ndarray, frequency: float) -> Paths:
    """Direct path and reflections between two points of an empty room (image method).

    Antennas radiate evenly, with the electric field as near to vertical as a wave that travels that way can have it,
    and receive that direction of the field. On the way the field is followed as a vector: at each surface in turn it
    is split into the parts across the plane of incidence (TE) and within it (TM), which are reflected differently.

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
    leg = np.where(images % 2 == 0, end, lower + upper - end) + images * (upper - lower) - start
    lengths = np.linalg.norm(leg, axis=1)
    ray = leg / lengths[:, None]
    field = _vertical(ray).astype(complex)
    for axes, sides in _surfaces_in_turn(room, images, start, leg):
        _reflect(room, ray, field, axes, sides, frequency)
    return Paths(lengths, np.einsum("ld,ld->l", field, _vertical(ray)))


def _vertical(ray: np.ndarray) -> np.ndarray:
    """Unit vectors ``(L, 3)`` across the rays, as near to vertical as can be; along z for a vertical ray."""
    upright = np.broadcast_to([0.0, 1.0, 0.0], ray.shape)
    across = upright - ray[:, 1:2] * ray
    across = np.where(np.linalg.norm(across, axis=1, keepdims=True) < 1e-9, [0.0, 0.0, 1.0], across)
    return across / np.linalg.norm(across, axis=1, keepdims=True)


def _surfaces_in_turn(
    room: RoomConfig, images: np.ndarray, start: np.ndarray, leg: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """First, second, ... reflection of all paths: axis ``(L,)``, -1 where there is none, and side (0 lower, 1 upper).

    The straight line to the image crosses the room's repetitions; each border it crosses is a reflection.
    """
    lower, upper = np.array(room.lower), np.array(room.upper)
    numbers = np.arange(room.order)  # of the border along its axis
    forward = images[:, :, None] > 0
    border = np.where(forward, (upper - start)[:, None], (lower - start)[:, None])  # (L, 3, 1)
    border = border + np.where(forward, 1, -1) * numbers * (upper - lower)[:, None]  # (L, 3, order)
    crossed = numbers < np.abs(images)[:, :, None]
    when = np.divide(border, leg[:, :, None], out=np.full(border.shape, np.inf), where=crossed)
    when = when.reshape(len(images), -1)
    side = (forward ^ (numbers % 2 == 1)).reshape(len(images), -1)  # both surfaces take turns
    for place in np.argsort(when, axis=1, kind="stable")[:, : room.order].T:  # (L,)
        row = np.arange(len(images))
        yield np.where(np.isinf(when[row, place]), -1, place // max(room.order, 1)), side[row, place].astype(int)


def _reflect(
    room: RoomConfig, ray: np.ndarray, field: np.ndarray, axes: np.ndarray, sides: np.ndarray, frequency: float
) -> None:
    """Reflect rays and their fields ``(L, 3)``, in place, at one surface each."""
    for axis in range(3):
        for side in range(2):
            hit = np.flatnonzero((axes == axis) & (sides == side))
            normal = np.eye(3)[axis]
            across = np.cross(ray[hit], normal)
            sine = np.linalg.norm(across, axis=1, keepdims=True)
            # Straight on, every direction is across the plane of incidence.
            across = np.where(sine < 1e-9, np.roll(normal, 1), across / np.maximum(sine, 1e-9))
            within = np.cross(across, ray[hit])
            cosine = np.abs(ray[hit, axis])
            ray[hit, axis] *= -1
            material = (room.ceiling, room.floor)[side] if axis == 1 else room.walls
            parts = [np.einsum("hd,hd->h", field[hit], part)[:, None] for part in (across, within)]
            across_share, within_share = (
                part * fresnel(material, cosine, frequency, parallel=parallel)[:, None]
                for part, parallel in zip(parts, (False, True), strict=True)
            )
            field[hit] = across_share * across + within_share * np.cross(across, ray[hit])


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
