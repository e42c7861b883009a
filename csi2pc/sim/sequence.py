"""One sequence: a subject performs an action, and every sensor records it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..csi.layouts import HT40
from ..data import mmfi_writer
from .body import make_body
from .channel import body_response, static_response
from .config import SimConfig
from .depth import DepthCamera
from .hardware import measured
from .keypoints import CAMERAS, keypoints, projected
from .lidar import Lidar
from .mesh import centres, facets
from .mmwave import detections
from .motion import Performance, make_style, perform
from .room import RoomConfig, room_of_scene
from .scattering import Facets

#: MM-Fi's clock: frames a second, and WiFi packets in a frame.
FRAME_RATE = 10.0
PACKETS = 10
#: Folder and file ending of each modality.
FILES = {"wifi-csi": "mat", "mmwave": "bin", "lidar": "bin", "depth": "png", **dict.fromkeys(CAMERAS, "npy")}


@dataclass(frozen=True)
class Sequence:
    """Which sequence: numbers from 1.

    Attributes:
        scene, subject, action: numbers; ten subjects share a scene, as in MM-Fi.
    """

    scene: int
    subject: int
    action: int

    def __str__(self) -> str:
        return f"E{self.scene:02d}/S{self.subject:02d}/A{self.action:02d}"


def sequence_of(subject: str, action: str) -> Sequence:
    """The sequence of "S03" performing "A12"."""
    number = int(subject[1:])
    return Sequence(scene=(number - 1) // 10 + 1, subject=number, action=int(action[1:]))


def frame_path(root: Path, sequence: Sequence, modality: str, frame: int) -> Path:
    """Where one frame of one modality lies; frames count from 1."""
    return root / str(sequence) / modality / f"frame{frame:03d}.{FILES[modality]}"


def sequence_files(config: SimConfig, root: Path, sequence: Sequence) -> list[Path]:
    """Every file of a finished sequence."""
    frames = range(1, config.frames + 1)
    files = [frame_path(root, sequence, modality, frame) for modality in config.modalities for frame in frames]
    return [*files, root / str(sequence) / "ground_truth.npy"]


def draw(config: SimConfig, sequence: Sequence, rng: np.random.Generator) -> tuple[Performance, RoomConfig]:
    """The performance of a sequence and the room it happens in.

    A subject looks and moves alike in all its sequences, a room is the same for all its subjects: both are drawn
    from their own seeds. ``rng`` draws what is the sequence's own.
    """
    subject_rng = np.random.default_rng(np.random.SeedSequence([config.seed, 1, sequence.subject]))
    body, style = make_body(config.body, subject_rng), make_style(config.motion, subject_rng)
    scene_rng = np.random.default_rng(np.random.SeedSequence([config.seed, 2, sequence.scene]))
    room = room_of_scene(config.room, sequence.scene, scene_rng)
    floor = room.upper[1]
    performance = perform(f"A{sequence.action:02d}", body, style, config.motion, floor=floor, rng=rng)
    return performance, room


def sequence_rng(config: SimConfig, sequence: Sequence) -> np.random.Generator:
    """A sequence's own random numbers, the same whatever else is simulated."""
    seeds = [config.seed, sequence.scene, sequence.subject, sequence.action]
    return np.random.default_rng(np.random.SeedSequence(seeds))


def write_sequence(config: SimConfig, root: Path, sequence: Sequence) -> str:
    """Simulate one sequence and write its files; the joints come last, so that their file means it is complete.

    Returns:
        The sequence's name.
    """
    rng = sequence_rng(config, sequence)
    performance, room = draw(config, sequence, rng)
    # One stream of random numbers for each modality: leaving one out does not change the others.
    streams = dict(zip(FILES, rng.spawn(len(FILES)), strict=True))
    static = static_response(room, config.radio)
    camera = DepthCamera(config.depth, room) if "depth" in config.modalities else None
    lidar = Lidar(config.lidar, room) if "lidar" in config.modalities else None
    joints = []
    for frame in range(1, config.frames + 1):
        start, middle = (frame - 1) / FRAME_RATE, (frame - 0.5) / FRAME_RATE
        now = performance.posture(np.array([middle]))
        vertices = performance.surface.posed(now.rotations, now.shifts)[0]
        triangles = vertices[performance.surface.faces]  # (F, 3, 3)
        joints.append(now.joints[0])
        if "wifi-csi" in config.modalities:
            packets = start + (np.arange(PACKETS) + 0.5) / (PACKETS * FRAME_RATE)
            csi = packet_csi(config, performance, packets, static, streams["wifi-csi"])
            mmfi_writer.write_wifi(frame_path(root, sequence, "wifi-csi", frame), csi)
        if camera is not None:
            image = camera.image(triangles, streams["depth"])
            mmfi_writer.write_depth(frame_path(root, sequence, "depth", frame), image)
        if lidar is not None:
            mmfi_writer.write_lidar(frame_path(root, sequence, "lidar", frame), lidar.scan(triangles, streams["lidar"]))
        if "mmwave" in config.modalities:
            points = radar_points(config, performance, middle, streams["mmwave"])
            mmfi_writer.write_mmwave(frame_path(root, sequence, "mmwave", frame), points)
        for camera_name in set(CAMERAS) & set(config.modalities):
            pixels = projected(keypoints(vertices, now.joints[0]), camera_name, config.cameras)
            mmfi_writer.write_keypoints(frame_path(root, sequence, camera_name, frame), pixels)
    mmfi_writer.write_ground_truth(root / str(sequence) / "ground_truth.npy", np.stack(joints))
    return str(sequence)


def packet_csi(
    config: SimConfig, performance: Performance, times: np.ndarray, static: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """CSI of packets at ``times`` (seconds) as the hardware reports it: complex128 ``(P, R, S)``."""
    vertices, faces = performance.vertices(times), performance.surface.faces
    _, normals, areas = facets(vertices[len(times) // 2 :][:1], faces)
    response = static + body_response(Facets(centres(vertices, faces), normals[0], areas[0]), config.radio)
    return measured(response, HT40, spacing=config.radio.spacing, config=config.hardware, rng=rng)


def radar_points(config: SimConfig, performance: Performance, time: float, rng: np.random.Generator) -> np.ndarray:
    """The radar's points ``(N, 5)`` at one time; velocities from the facets 10 ms before and after."""
    step = 0.01
    vertices = performance.vertices(time + step * np.array([-1.0, 0.0, 1.0]))
    positions, normals, areas = facets(vertices, performance.surface.faces)
    velocities = (positions[2] - positions[0]) / (2 * step)
    return detections(positions[1], normals[1], velocities, areas[1], config=config.mmwave, rng=rng)
