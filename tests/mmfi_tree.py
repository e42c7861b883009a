"""A tiny writer of MM-Fi's layout for tests: one standing box of a person, 3 m away, in every sensor.

It shares no code with the library, so that reader and writer cannot agree on the same mistake.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

#: The person: a box of these corners in the project's frame (x right, y down, z forward), metres.
LOWER = np.array([-0.3, -0.8, 2.9])
UPPER = np.array([0.3, 0.8, 3.1])
FOCAL, CX, CY = 386.0, 320.0, 240.0


def write_tree(
    root: Path, sequences: list[str], *, frames: int = 2, parts: tuple[str, ...] = ("depth",), seed: int = 0
) -> Path:
    """Write ``sequences`` (such as "E01/S01/A01"), each with wifi-csi, the given sensor folders, and joints."""
    rng = np.random.default_rng(seed)
    for name in sequences:
        for part in ("wifi-csi", *parts):
            (root / name / part).mkdir(parents=True)
        for k in range(1, frames + 1):
            write_csi(root / name / "wifi-csi" / f"frame{k:03d}.mat", rng)
            for part in parts:
                suffix = {"depth": "png"}.get(part, "bin")
                WRITERS[part](root / name / part / f"frame{k:03d}.{suffix}", rng)
        joints = rng.uniform(LOWER, UPPER, (frames, 17, 3))
        joints[:, 0], joints[:, 1] = LOWER, UPPER
        np.save(root / name / "ground_truth.npy", joints)
    return root


def write_csi(path: Path, rng: np.random.Generator) -> None:
    iq = rng.integers(20, 200, (3, 114, 10)) + 1j * rng.integers(20, 200, (3, 114, 10))
    scipy.io.savemat(path, {"CSIamp": 20 * np.log10(np.abs(iq)), "CSIphase": np.angle(iq)})


def write_depth(path: Path, rng: np.random.Generator) -> None:
    """Person at 3 m on a wall at 5 m, and a strip at the left that was not measured."""
    image = np.full((480, 640), 5000, np.uint16)
    image[:, :40] = 0
    rows, columns = slice(int(CY - 0.7 * FOCAL / 3), int(CY + 0.7 * FOCAL / 3)), slice(300, 340)
    image[rows, columns] = rng.integers(2950, 3050, image[rows, columns].shape)
    Image.fromarray(image).save(path, compress_level=1)


def write_lidar(path: Path, rng: np.random.Generator, *, count: int = 300) -> None:
    """LiDAR axes: x forward, y left, z up; the sensor stands at (0, -0.2, 0.1). One beam in ten does not return."""
    person = rng.uniform(LOWER, UPPER, (count, 3))
    wall = rng.uniform([-3, -1, 5], [3, 1, 5.2], (count, 3))
    x, y, z = np.concatenate([person, wall]).T
    rows = np.stack([z - 0.1, -x, -(y + 0.2)], axis=1)
    rows[:: 10] = 0
    rows.tofile(path)


def write_mmwave(path: Path, rng: np.random.Generator, *, count: int = 12) -> None:
    """Radar axes: x right, y forward, z up; then intensity and Doppler."""
    x, y, z = rng.uniform(LOWER, UPPER, (count, 3)).T
    np.stack([x, z, -y, np.ones(count), np.zeros(count)], axis=1).tofile(path)


WRITERS = {"depth": write_depth, "lidar": write_lidar, "mmwave": write_mmwave}
