"""One subject's body: bones, limbs as capsules, and their surface as small facets that ride on the bones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..errors import ConfigError
from .capsules import Capsules, signed_distance
from .poses import Pose
from .skeleton import LANDMARKS, Bones, landmarks

#: Height of a person with the default :class:`Bones`, metres.
_HEIGHT = 1.73
#: Limbs between two landmarks, their radius in metres at ordinary build and height 1.73 m. Arms' facets are laid
#: out along the outstretched arm, everything else's along the limb of a person at ease.
_LIMBS = (
    ("left_chest", "right_chest", 0.105),
    ("left_chest", "left_loin", 0.100),
    ("right_chest", "right_loin", 0.100),
    ("pelvis", "spine", 0.110),
    ("right_hip", "left_hip", 0.100),
    ("right_shoulder", "left_shoulder", 0.055),
    ("thorax", "neck", 0.055),
    ("neck", "head", 0.090),
    *((f"{s}_shoulder", f"{s}_elbow", 0.047) for s in ("left", "right")),
    *((f"{s}_elbow", f"{s}_wrist", 0.039) for s in ("left", "right")),
    *((f"{s}_wrist", f"{s}_hand", 0.038) for s in ("left", "right")),
    *((f"{s}_hip", f"{s}_knee", 0.074) for s in ("left", "right")),
    *((f"{s}_knee", f"{s}_ankle", 0.054) for s in ("left", "right")),
    *((f"{s}_heel", f"{s}_toe", 0.040) for s in ("left", "right")),
)
_STARTS = np.array([LANDMARKS.index(start) for start, _, _ in _LIMBS])
_ENDS = np.array([LANDMARKS.index(end) for _, end, _ in _LIMBS])
_RADII = np.array([radius for _, _, radius in _LIMBS])
#: (left, up, front) of a person who faces the sensor -> the project's (right, down, forward).
FACING = np.diag([1.0, -1.0, -1.0])


@dataclass(frozen=True)
class BodyConfig:
    """How subjects differ.

    Attributes:
        height: metres, lowest and highest; each subject's is drawn evenly between them.
        build: thickness of the limbs against ordinary, lowest and highest.
        facet_size: metres, edge of a surface facet. 3 cm, half a wavelength at 5 GHz, gives about 1,900 facets; the
            phase within a facet is integrated in closed form.
    """

    height: list[float] = field(default_factory=lambda: [1.58, 1.86])
    build: list[float] = field(default_factory=lambda: [0.9, 1.15])
    facet_size: float = 0.03

    def __post_init__(self) -> None:
        for name, low, high in (("height", 0.5, 2.5), ("build", 0.5, 2.0)):
            span = getattr(self, name)
            if len(span) != 2 or not low <= span[0] <= span[1] <= high:
                raise ConfigError(f"body.{name} must be [lowest, highest] within {low}..{high}; got {span}")
        if not 0.01 <= self.facet_size <= 0.1:
            raise ConfigError(f"body.facet_size must lie within 0.01..0.1 m; got {self.facet_size}")


@dataclass(frozen=True, eq=False)
class Body:
    """A subject. Facets are sorted by limb; ``slices[k]`` are limb k's.

    Attributes:
        bones: lengths.
        radii: float ``(K,)`` metres, the limbs' radii.
        along: float ``(F,)``, 0..1, place of a facet along its limb's axis.
        directions: float ``(F, 3)``, its normal, given for the limb in ``reference`` direction.
        areas: float ``(F,)`` square metres.
        reference: float ``(K, 3)``, unit directions of the limbs for which ``directions`` hold.
        slices: facets of each limb.
    """

    bones: Bones
    radii: np.ndarray
    along: np.ndarray
    directions: np.ndarray
    areas: np.ndarray
    reference: np.ndarray
    slices: tuple[slice, ...]

    def capsules(self, places: np.ndarray) -> Capsules:
        """The limbs at one instant; ``places`` is ``(27, 3)``, the landmarks in any frame."""
        return Capsules(places[_STARTS], places[_ENDS], self.radii)

    def facets(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions and outward unit normals, both ``(T, F, 3)``, for landmarks ``(T, 27, 3)`` in the project's frame.

        A limb's facets turn with it by the smallest rotation from its reference direction.
        """
        starts, ends = places[:, _STARTS], places[:, _ENDS]  # (T, K, 3)
        axes = ends - starts
        rotations = _smallest_rotation(self.reference, axes / np.linalg.norm(axes, axis=-1, keepdims=True))
        normals = np.empty((len(places), len(self.along), 3))
        positions = np.empty_like(normals)
        for limb, part in enumerate(self.slices):
            normals[:, part] = np.einsum("tij,fj->tfi", rotations[:, limb], self.directions[part])
            positions[:, part] = starts[:, None, limb] + self.along[part, None] * axes[:, None, limb]
            positions[:, part] += self.radii[limb] * normals[:, part]
        return positions, normals


def make_body(config: BodyConfig, rng: np.random.Generator) -> Body:
    """Draw one subject: height, build, and a few per cent of difference between the limbs' proportions."""
    scale = rng.uniform(*config.height) / _HEIGHT
    build = rng.uniform(*config.build) * scale
    bones = Bones(**{name: length * rng.uniform(0.97, 1.03) for name, length in vars(Bones().scaled(scale)).items()})
    radii = _RADII * build * rng.uniform(0.95, 1.05, size=len(_RADII))
    radii[-2:] = 0.5 * bones.ankle_height  # the soles touch the floor
    places = landmarks(Pose().vector()[None], bones)[0] @ FACING
    limbs = Capsules(places[_STARTS], places[_ENDS], radii)
    return _with_facets(bones, limbs, config.facet_size)


def _with_facets(bones: Bones, limbs: Capsules, size: float) -> Body:
    """Lay facets over the limbs of a person at ease; what lies inside another limb is no surface."""
    axes = limbs.ends - limbs.starts
    lengths = np.linalg.norm(axes, axis=1)
    reference = axes / lengths[:, None]
    for limb, (start, _, _) in enumerate(_LIMBS):
        if start.endswith(("shoulder", "elbow", "wrist")):
            reference[limb] = (1.0 if start.startswith("left") else -1.0, 0.0, 0.0)
    reference[[start == "right_shoulder" and end == "left_shoulder" for start, end, _ in _LIMBS]] = (1.0, 0.0, 0.0)
    now = _smallest_rotation(reference, axes[None] / lengths[None, :, None])[0]
    parts, slices, total = [], [], 0
    for limb, radius in enumerate(limbs.radii):
        along, directions, areas = _capsule_facets(lengths[limb], radius, size)
        directions = directions @ _smallest_rotation(np.array([[0.0, 0.0, 1.0]]), reference[None, limb, None])[0, 0].T
        where = limbs.starts[limb] + along[:, None] * axes[limb] + radius * directions @ now[limb].T
        others = np.delete(signed_distance(where, limbs), limb, axis=1)
        outside = others.min(axis=1) > 0.0
        parts.append((along[outside], directions[outside], areas[outside]))
        slices.append(slice(total, total + int(outside.sum())))
        total = slices[-1].stop
    along, directions, areas = (np.concatenate(values) for values in zip(*parts, strict=True))
    return Body(bones, limbs.radii, along, directions, areas, reference, tuple(slices))


def _capsule_facets(length: float, radius: float, size: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Facets of a capsule along z: place along the axis (F,), normals (F, 3), areas (F,)."""
    along, directions, areas = [], [], []

    def ring(place: float, height: float, area: float, shift: float) -> None:
        width = np.sqrt(1.0 - height**2)
        count = max(3, round(2 * np.pi * radius * width / size))
        angle = 2 * np.pi * (np.arange(count) + shift) / count
        along.append(np.full(count, place))
        directions.append(np.stack([width * np.cos(angle), width * np.sin(angle), np.full(count, height)], axis=1))
        areas.append(np.full(count, area / count))

    rows = max(1, round(length / size))
    for row in range(rows):
        ring((row + 0.5) / rows, 0.0, 2 * np.pi * radius * length / rows, 0.5 * (row % 2))
    steps = max(1, round(0.5 * np.pi * radius / size))
    edges = np.sin(np.linspace(0.0, np.pi / 2, steps + 1))
    for step, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        for place, sign in ((1.0, 1.0), (0.0, -1.0)):
            ring(place, sign * (low + high) / 2, 2 * np.pi * radius**2 * (high - low), 0.5 * (step % 2))
    return np.concatenate(along), np.concatenate(directions), np.concatenate(areas)


def _smallest_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Rotations that take unit vectors (K, 3) onto unit vectors (T, K, 3): (T, K, 3, 3), Rodrigues' formula."""
    axis = np.cross(start, end)
    cosine = np.sum(start * end, axis=-1)[..., None, None]
    zero = np.zeros(axis.shape[:-1])
    x, y, z = np.moveaxis(axis, -1, 0)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*axis.shape, 3)
    # Opposite vectors have no smallest rotation; limbs do not get there, and the guard keeps it finite.
    return np.eye(3) + cross + cross @ cross / np.maximum(1.0 + cosine, 1e-6)
