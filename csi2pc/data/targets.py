"""From sensors to targets: a frame's cloud in metres, in the project's frame (x right, y down, z forward).

Every point of a target was measured: clouds are transformed, cropped and thinned, never averaged, repeated or filled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from ..errors import ConfigError, DataError, ShapeError
from ..ops.depth import Intrinsics
from ..ops.rigid import apply, check_rotation, invert
from ..ops.sampling import farthest_point_sample, random_sample
from .depth_image import depth_cloud
from .frames import FrameError
from .lidar import lidar_cloud
from .mmwave import mmwave_cloud

Sensor = Literal["depth", "lidar", "mmwave"]
SENSORS: tuple[Sensor, ...] = ("depth", "lidar", "mmwave")
#: Lower and upper corner, ``(3,)`` each, metres in the project's frame.
Box = tuple[np.ndarray, np.ndarray]
#: Metres by which rounding may move a point between two frames of reference.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Extrinsics:
    """How a sensor stands in the project's frame: ``point = rotation @ sensor_point + translation``.

    Attributes:
        rotation: 3 x 3, rows; orthonormal with determinant +1.
        translation: metres, (x, y, z).
    """

    rotation: list[list[float]] = field(default_factory=lambda: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    translation: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def __post_init__(self) -> None:
        if [len(row) for row in self.rotation] != [3, 3, 3] or len(self.translation) != 3:
            raise ConfigError(
                f"extrinsics must be a 3 x 3 rotation and a translation of 3; got {self.rotation}, {self.translation}"
            )
        if not np.isfinite(self.translation).all():
            raise ConfigError(f"a translation must be finite metres; got {self.translation}")
        try:
            check_rotation(torch.tensor(self.rotation, dtype=torch.float64))
        except ShapeError as error:
            raise ConfigError(f"extrinsics: {error}") from error

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Sensor points ``(N, 3)`` in the project's frame, float64."""
        return apply(torch.from_numpy(np.asarray(points, dtype=np.float64)), *self._tensors()).numpy()

    def apply_inverse(self, points: np.ndarray) -> np.ndarray:
        """Points ``(N, 3)`` of the project's frame in the sensor's, float64."""
        return apply(torch.from_numpy(np.asarray(points, dtype=np.float64)), *invert(*self._tensors())).numpy()

    def _tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor(self.rotation, dtype=torch.float64), torch.tensor(self.translation, dtype=torch.float64)


def _lidar_extrinsics() -> Extrinsics:
    return Extrinsics([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]], [0.0, -0.2, 0.1])


def _mmwave_extrinsics() -> Extrinsics:
    return Extrinsics([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], [0.0, 0.0, 0.0])


@dataclass(frozen=True)
class TargetConfig:
    """What a target cloud is made of.

    Attributes:
        sensors: which sensors see the target, any of depth, lidar, mmwave; several are fused into one cloud. Own
            recordings have clouds already and do not use this.
        crop: "joints" keeps the box of the frame's ground-truth joints plus ``margin``, the human, as is usual with
            MM-Fi; "box" keeps ``box_min`` to ``box_max``; "none" keeps the whole scene.
        margin: metres around the joints' box, 0 or more. 0.2 lets skin, hands and head top in.
        margin_below: metres below the lowest joint, 0 or more; None is ``margin``, as is usual with MM-Fi, which keeps
            a strip of floor around the feet (the lowest joints are ankles). 0.07 keeps the floor out.
        box_min: for crop "box": its smallest (x, y, z), metres in the project's frame.
        box_max: for crop "box": its largest (x, y, z).
        intrinsics: the depth camera; MM-Fi publishes none, see :class:`~csi2pc.ops.depth.Intrinsics`.
        depth_extrinsics: depth camera to the project's frame. Default: the same frame.
        lidar_extrinsics: LiDAR to the project's frame. MM-Fi publishes no calibration; the default
            x = -y, y = -z - 0.2, z = x + 0.1 is that of a public preprocessor, fitted by eye.
        mmwave_extrinsics: radar to the project's frame. Default x = x, y = -z, z = y, inferred from the axes.
        max_points: a larger cloud is thinned to this many points; None keeps all. 1,200 is the cloud size that
            CSI2PointCloud was published with. Smaller clouds stay as they are.
        sampling: how to thin: "farthest" points cover the cloud evenly; "random" keeps its density. Random choices
            are seeded by the frame's identity, so they depend neither on order nor on the number of workers.
        candidates: before farthest-point sampling, a cloud larger than this is cut to a random part of this size,
            which bounds the time a frame takes. At least ``max_points``.
        min_points: a frame whose target has fewer points is left out and counted, 1 or more.
    """

    sensors: list[Sensor] = field(default_factory=lambda: ["depth"])
    crop: Literal["joints", "box", "none"] = "joints"
    margin: float = 0.2
    margin_below: float | None = None
    box_min: list[float] | None = None
    box_max: list[float] | None = None
    intrinsics: Intrinsics = field(default_factory=Intrinsics)
    depth_extrinsics: Extrinsics = field(default_factory=Extrinsics)
    lidar_extrinsics: Extrinsics = field(default_factory=_lidar_extrinsics)
    mmwave_extrinsics: Extrinsics = field(default_factory=_mmwave_extrinsics)
    max_points: int | None = 1200
    sampling: Literal["farthest", "random"] = "farthest"
    candidates: int = 4096
    min_points: int = 1

    def __post_init__(self) -> None:
        if not self.sensors or len(set(self.sensors)) < len(self.sensors) or not set(self.sensors) <= set(SENSORS):
            raise ConfigError(f"target.sensors must name one or more of {list(SENSORS)}, each once; got {self.sensors}")
        if self.crop not in ("joints", "box", "none"):
            raise ConfigError(f"target.crop must be joints, box or none; got {self.crop!r}")
        if self.sampling not in ("farthest", "random"):
            raise ConfigError(f"target.sampling must be farthest or random; got {self.sampling!r}")
        if not 0 <= self.margin < np.inf:
            raise ConfigError(f"target.margin must be 0 metres or more; got {self.margin}")
        if self.margin_below is not None and not 0 <= self.margin_below < np.inf:
            raise ConfigError(f"target.margin_below must be 0 metres or more, or null; got {self.margin_below}")
        if self.min_points < 1:
            raise ConfigError(f"target.min_points must be at least 1; got {self.min_points}")
        if self.max_points is not None and not self.min_points <= self.max_points <= self.candidates:
            raise ConfigError(
                f"target: min_points <= max_points <= candidates must hold; "
                f"got {self.min_points}, {self.max_points}, {self.candidates}"
            )
        self._check_box()

    def _check_box(self) -> None:
        given = (self.box_min, self.box_max)
        if self.crop != "box":
            if given != (None, None):
                raise ConfigError(f"target.box_min and box_max belong to crop: box; got them with crop: {self.crop}")
        elif None in given or [len(corner) for corner in given] != [3, 3] or not np.less(*given).all():
            raise ConfigError(
                f"crop: box needs box_min and box_max, three metres each, min below max; got {given[0]} and {given[1]}"
            )


def frame_cloud(
    files: Mapping[Sensor, Path], config: TargetConfig, *, key: str, joints: np.ndarray | None = None
) -> np.ndarray:
    """The target of one frame: the sensors' points, fused, cropped and thinned.

    Args:
        files: the frame's file of each sensor in ``config.sensors``.
        config: what the target is made of.
        key: the frame's identity, which seeds the sampling.
        joints: ``(J, 3)`` metres in the project's frame; needed for crop "joints".

    Returns:
        ``(N, 3)`` float32 metres in the project's frame.

    Raises:
        FrameError: a file is missing or damaged, or fewer than ``min_points`` points are left.
        ShapeError: crop is "joints" and ``joints`` are missing or not ``(J, 3)``.
    """
    box = crop_box(config, joints)
    points = np.concatenate([sensor_cloud(sensor, files[sensor], config, box) for sensor in config.sensors])
    return _finish(points, config, box, key)


def finish_cloud(points: np.ndarray, config: TargetConfig, *, key: str) -> np.ndarray:
    """Crop and thin a cloud ``(N, 3)`` that is already in the project's frame; as :func:`frame_cloud`."""
    return _finish(points, config, crop_box(config, None), key)


def _finish(points: np.ndarray, config: TargetConfig, box: Box | None, key: str) -> np.ndarray:
    points = crop(points, box)
    if len(points) < config.min_points:
        raise FrameError(
            "target without points",
            f"{key}: the target must have at least {config.min_points} points (target.min_points); "
            f"{len(points)} measured points lie within the crop",
        )
    return thin_cloud(points, config, key=key).astype(np.float32)


def sensor_cloud(sensor: Sensor, path: str | Path, config: TargetConfig, box: Box | None = None) -> np.ndarray:
    """One sensor's points of one frame: ``(N, 3)`` float64 metres in the project's frame.

    Args:
        sensor: which one.
        path: its file.
        config: its intrinsics and extrinsics.
        box: what the cloud will be cropped to; points outside may be missing. None gives the whole scene.

    Raises:
        FrameError: the file is missing or damaged.
    """
    try:
        if sensor == "depth":
            between = None if box is None else _depths(box, config.depth_extrinsics)
            return config.depth_extrinsics.apply(depth_cloud(path, config.intrinsics, between=between))
        if sensor == "lidar":
            return config.lidar_extrinsics.apply(lidar_cloud(path))
        return config.mmwave_extrinsics.apply(mmwave_cloud(path))
    except DataError as error:
        raise FrameError(f"unreadable {sensor} file", str(error)) from error


def crop_box(config: TargetConfig, joints: np.ndarray | None) -> Box | None:
    """Lower and upper corner ``(3,)``, metres, of what ``config`` keeps; None for the whole scene.

    Raises:
        ShapeError: crop is "joints" and ``joints`` are missing or not ``(J, 3)``.
    """
    if config.crop == "none":
        return None
    if config.crop == "box":
        return np.asarray(config.box_min), np.asarray(config.box_max)
    if joints is None or joints.ndim != 2 or joints.shape[1] != 3:
        raise ShapeError(f"crop: joints needs joints (J, 3); got {None if joints is None else joints.shape}")
    below = config.margin if config.margin_below is None else config.margin_below
    return joints.min(axis=0) - config.margin, joints.max(axis=0) + [config.margin, below, config.margin]  # y is down


def crop(points: np.ndarray, box: Box | None) -> np.ndarray:
    """The points ``(N, 3)`` within the box, borders included; all of them without a box."""
    if box is None:
        return points
    inside = np.ones(len(points), dtype=bool)
    for axis in range(3):  # column by column takes a third of the time of comparing whole rows
        inside &= (points[:, axis] >= box[0][axis]) & (points[:, axis] <= box[1][axis])
    return points[inside]


def _depths(box: Box, extrinsics: Extrinsics) -> tuple[float, float]:
    """Smallest and largest depth that the box has for the camera, which spares most pixels the rest of the way."""
    corners = np.array(list(product(*zip(*box, strict=True))))  # (8, 3)
    depths = extrinsics.apply_inverse(corners)[:, 2]
    return depths.min() - ROUNDING, depths.max() + ROUNDING


def thin_cloud(points: np.ndarray, config: TargetConfig, *, key: str) -> np.ndarray:
    """At most ``config.max_points`` of ``points`` ``(N, 3)``, chosen as ``config.sampling`` says, each once."""
    if config.max_points is None or len(points) <= config.max_points:
        return points
    generator = torch.Generator().manual_seed(_seed(key))
    if config.sampling == "random" or len(points) > config.candidates:
        count = config.max_points if config.sampling == "random" else config.candidates
        index, _ = random_sample(_batch(points), count, generator=generator)
        points = points[index[0].numpy()]
    if config.sampling == "farthest":
        index, _ = farthest_point_sample(_batch(points), config.max_points)
        points = points[index[0].numpy()]
    return points


def _batch(points: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(points.astype(np.float32)).unsqueeze(0)  # (1, N, 3)


def _seed(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=7).digest(), "little")
