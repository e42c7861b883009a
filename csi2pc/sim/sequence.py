"""One sequence: a subject performs an action, and every sensor records it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..data import mmfi_writer
from .actions import ACTIONS
from .body import make_body, person_of
from .captures import capture_path, write_capture
from .channel import FIRST, body_response, static_response
from .config import SimConfig
from .depth import DepthCamera
from .hardware import measured
from .keypoints import CAMERAS, keypoints, projected
from .lidar import Lidar
from .mesh import centres, facets
from .mmwave import detections
from .motion import Performance, make_style, perform
from .people import People
from .room import RoomConfig, room_of_scene
from .scattering import Facets, Instant
from .sight import seen_from
from .walk import WALK, Walk, walk

#: MM-Fi's clock: frames a second, and WiFi packets in a frame.
FRAME_RATE = 10.0
PACKETS = 10
#: Folder and file ending of each modality.
FILES = {"wifi-csi": "mat", "mmwave": "bin", "lidar": "bin", "depth": "png", **dict.fromkeys(CAMERAS, "npy")}


@dataclass(frozen=True)
class Sequence:
    """Which sequence: numbers from 1.

    Attributes:
        scene, subject, action: numbers; ten subjects share a scene, as in MM-Fi. The action after the last is walking.
    """

    scene: int
    subject: int
    action: int

    def __str__(self) -> str:
        return f"E{self.scene:02d}/S{self.subject:02d}/{self.action_name}"

    @property
    def action_name(self) -> str:
        """ "A01" to "A27", or "walk"."""
        return (*ACTIONS, WALK)[self.action - 1]


def sequence_of(subject: str, action: str) -> Sequence:
    """The sequence of "S03" performing "A12"."""
    number = int(subject[1:])
    return Sequence((number - 1) // 10 + 1, number, (*ACTIONS, WALK).index(action) + 1)


def frame_path(root: Path, sequence: Sequence, modality: str, frame: int) -> Path:
    """Where one frame of one modality lies; frames count from 1."""
    return root / str(sequence) / modality / f"frame{frame:03d}.{FILES[modality]}"


def sequence_files(config: SimConfig, root: Path, sequence: Sequence) -> list[Path]:
    """Every file of a finished sequence; the last is written last."""
    files = []
    for modality in config.modalities:
        if modality == "wifi-csi" and config.captures:
            files += [capture_path(root, str(sequence), receiver) for receiver in config.radio.antennas]
        else:
            files += [frame_path(root, sequence, modality, frame) for frame in range(1, config.frames + 1)]
    beside = ["companions.npy"] if config.companions else []
    return [*files, *(root / str(sequence) / name for name in (*beside, "ground_truth.npy"))]


def draw(config: SimConfig, sequence: Sequence, rng: np.random.Generator) -> tuple[Performance | Walk, RoomConfig]:
    """The subject's performance of a sequence and the room it happens in.

    A subject looks and moves alike in all its sequences, a room is the same for all its subjects: both are drawn
    from their own seeds. ``rng`` draws what is the sequence's own.
    """
    person = person_of(config.body, sequence.subject)
    subject_rng = np.random.default_rng(np.random.SeedSequence([config.seed, 1, person]))
    body, style = make_body(config.body, subject_rng), make_style(config.motion, subject_rng)
    scene_rng = np.random.default_rng(np.random.SeedSequence([config.seed, 2, sequence.scene]))
    room = room_of_scene(config.room, sequence.scene, scene_rng)
    floor = room.upper[1]
    if sequence.action_name == WALK:
        return walk(body, style, config.walk, config.motion, floor=floor, rng=rng), room
    return perform(sequence.action_name, body, style, config.motion, floor=floor, rng=rng), room


def draw_companions(config: SimConfig, sequence: Sequence, room: RoomConfig) -> list[Performance]:
    """The other people of a sequence: each somebody else, with an action of its own."""
    companions = []
    for number, spot in enumerate(config.companions):
        seeds = [config.seed, 3, sequence.scene, sequence.subject, sequence.action, number]
        rng = np.random.default_rng(np.random.SeedSequence(seeds))
        body, style = make_body(config.body, rng), make_style(config.motion, rng)
        action, motion = str(rng.choice(list(ACTIONS))), replace(config.motion, spot=spot)
        companions.append(perform(action, body, style, motion, floor=room.upper[1], rng=rng))
    return companions


def sequence_rng(config: SimConfig, sequence: Sequence) -> np.random.Generator:
    """A sequence's own random numbers, the same whatever else is simulated."""
    seeds = [config.seed, sequence.scene, sequence.subject, sequence.action]
    return np.random.default_rng(np.random.SeedSequence(seeds))


def receiver_rngs(config: SimConfig, rng: np.random.Generator) -> dict[str, np.random.Generator]:
    """Each receiver's own random numbers; the first takes ``rng``."""
    return {FIRST: rng, **dict(zip(config.radio.receivers, rng.spawn(len(config.radio.receivers)), strict=True))}


def write_sequence(config: SimConfig, root: Path, sequence: Sequence) -> str:
    """Simulate one sequence and write its files; the joints come last, so that their file means it is complete.

    Returns:
        The sequence's name.
    """
    rng = sequence_rng(config, sequence)
    performance, room = draw(config, sequence, rng)
    people = People((performance, *draw_companions(config, sequence, room)))
    # One stream of random numbers for each modality: leaving one out does not change the others.
    streams = dict(zip(FILES, rng.spawn(len(FILES)), strict=True))
    if "wifi-csi" in config.modalities:
        _write_csi(config, root, sequence, people, room, streams["wifi-csi"])
    sensors = _Sensors(config, room)
    for frame in range(1, config.frames + 1):
        paths = {modality: frame_path(root, sequence, modality, frame) for modality in config.modalities}
        sensors.write(paths, people, (frame - 0.5) / FRAME_RATE, streams)
    joints = people.joints((np.arange(config.frames) + 0.5) / FRAME_RATE)  # (frames, people, 17, 3)
    if config.companions:
        mmfi_writer.write_companions(root / str(sequence) / "companions.npy", joints[:, 1:])
    mmfi_writer.write_ground_truth(root / str(sequence) / "ground_truth.npy", joints[:, 0])
    return str(sequence)


def _write_csi(
    config: SimConfig, root: Path, sequence: Sequence, people: People, room: RoomConfig, rng: np.random.Generator
) -> None:
    """Write a .mat file a frame in MM-Fi's layout, in others a capture file a receiver."""
    static, rngs = static_response(room, config.radio), receiver_rngs(config, rng)
    times = (np.arange(config.frames * PACKETS) + 0.5) / (PACKETS * FRAME_RATE)
    frames = []
    for frame, csi in enumerate(csi_frames(config, people, config.frames, static, rngs), start=1):
        if config.captures:
            frames.append(csi)
        else:
            mmfi_writer.write_wifi(frame_path(root, sequence, "wifi-csi", frame), csi[FIRST])
    if not config.captures:
        return
    for receiver, places in config.radio.antennas.items():
        path = capture_path(root, str(sequence), receiver)
        csi = np.concatenate([frame[receiver] for frame in frames])
        source = path.relative_to(root).as_posix()
        write_capture(path, csi, times, antennas=len(places), config=config, source=source)


class _Sensors:
    """Everything but the radio, in one room.

    Args:
        config: the simulation.
        room: the box around the sensors.
    """

    def __init__(self, config: SimConfig, room: RoomConfig) -> None:
        self.config = config
        self.camera = DepthCamera(config.depth, room) if "depth" in config.modalities else None
        self.lidar = Lidar(config.lidar, room) if "lidar" in config.modalities else None

    def write(
        self, paths: dict[str, Path], people: People, time: float, streams: dict[str, np.random.Generator]
    ) -> None:
        """Record one instant (seconds) into the files of the modalities asked for."""
        vertices = people.vertices(np.array([time]))[0]
        triangles = vertices[people.faces]  # (F, 3, 3)
        if self.camera is not None:
            mmfi_writer.write_depth(paths["depth"], self.camera.image(triangles, streams["depth"]))
        if self.lidar is not None:
            mmfi_writer.write_lidar(paths["lidar"], self.lidar.scan(triangles, streams["lidar"]))
        if "mmwave" in paths:
            points = radar_points(self.config, people, time, streams["mmwave"])
            mmfi_writer.write_mmwave(paths["mmwave"], points)
        seen = [camera for camera in CAMERAS if camera in paths]
        if seen:
            joints = people.joints(np.array([time]))[0, 0]
            places = keypoints(vertices[: len(people.performances[0].surface.vertices)], joints)
            for camera in seen:
                mmfi_writer.write_keypoints(paths[camera], projected(places, camera, self.config.cameras))


def csi_frames(
    config: SimConfig, people: People, frames: int, static: np.ndarray, rngs: dict[str, np.random.Generator]
) -> Iterator[dict[str, np.ndarray]]:
    """CSI of the packets of one frame after the other, as each receiver's hardware reports it.

    Capture files hold no rotation, since every reader of this project undoes it; MM-Fi's .mat files leave it in.

    Yields:
        Receiver -> complex128 ``(P, A, S)``.
    """
    share = (np.arange(PACKETS) + 0.5) / PACKETS
    hardware = replace(config.hardware, rotation=config.hardware.rotation and not config.captures)
    end = _instant(people, 0.0)
    for frame in range(frames):
        start, end = end, _instant(people, (frame + 1) / FRAME_RATE)
        positions = centres(people.vertices((frame + share) / FRAME_RATE), people.faces)
        response = static + body_response(Facets(positions, start, end, share), config.radio)
        yield {
            name: measured(
                links, config.radio.subcarriers, spacing=config.radio.spacing, config=hardware, rng=rngs[name]
            )
            for name, links in config.radio.links_of(response).items()
        }


def _instant(people: People, time: float) -> Instant:
    positions, normals, areas = facets(people.vertices(np.array([time])), people.faces)
    return Instant(positions[0], normals[0], areas[0])


def radar_points(config: SimConfig, people: People, time: float, rng: np.random.Generator) -> np.ndarray:
    """The radar's points ``(N, 5)`` at one time; velocities from the facets 10 ms before and after.

    A person in front of another hides it.
    """
    step = 0.01
    vertices = people.vertices(time + step * np.array([-1.0, 0.0, 1.0]))
    positions, normals, areas = facets(vertices, people.faces)
    velocities = (positions[2] - positions[0]) / (2 * step)
    area = areas[1]
    if len(people.performances) > 1:
        ranges = np.linalg.norm(positions[1], axis=1)
        facing = -np.einsum("fd,fd->f", normals[1], positions[1]) / ranges
        area = np.where(seen_from(np.zeros(3), positions[1], facing), area, 0.0)
    return detections(positions[1], normals[1], velocities, area, config=config.mmwave, rng=rng)
