"""One sheet that shows what a simulation makes: room, poses, CSI, Doppler, and the sensors' clouds over the body."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ..csi.phase import sanitise
from ..csi.rotation import undo_ht40_rotation
from ..data.atomic import replacing
from ..errors import ConfigError
from ..sim.actions import ACTIONS
from ..sim.channel import FIRST, static_response
from ..sim.config import SimConfig
from ..sim.depth import DepthCamera
from ..sim.lidar import ROTATION as LIDAR_ROTATION
from ..sim.lidar import TRANSLATION as LIDAR_TRANSLATION
from ..sim.lidar import Lidar
from ..sim.mmwave import ROTATION as RADAR_ROTATION
from ..sim.motion import Performance
from ..sim.people import People
from ..sim.room import RoomConfig
from ..sim.sequence import (
    FRAME_RATE,
    PACKETS,
    csi_frames,
    draw,
    draw_companions,
    radar_points,
    receiver_rngs,
    sequence_of,
    sequence_rng,
)
from ..sim.walk import WALK, Walk

WIDTH, HEIGHT, DPI = 13.0, 15.0, 110
#: Seconds of the action that are shown, and instants at which its poses are drawn.
SECONDS, POSES = 6.0, 6
LINK, SENSOR = "#0072B2", "#D55E00"
COLOURS = {"depth": "#0072B2", "lidar": "#D55E00", "mmwave": "#CC79A7"}


def simulation_sheet(config: SimConfig, path: str | Path, *, sequence: str | None = None) -> None:
    """Draw one sequence of a simulation.

    Args:
        config: what to simulate; nothing is written but the figure.
        path: where; the ending chooses the format (png, pdf, svg).
        sequence: subject and action, for example "S01/A13"; by default the first of each that ``config`` names.

    Raises:
        ConfigError: ``sequence`` names no subject and action, or the path's ending no format.
        DataError: the figure cannot be written.
    """
    chosen = sequence_of(*_subject_and_action(config, sequence))
    if Path(path).suffix not in (".png", ".pdf", ".svg"):
        raise ConfigError(f"a sheet is written as .png, .pdf or .svg; got {path}: give it one of these endings")
    rng = sequence_rng(config, chosen)
    performance, room = draw(config, chosen, rng)
    people = People((performance, *draw_companions(config, chosen, room)))
    frames = int(SECONDS * FRAME_RATE)
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    figure.suptitle(f"Synthetic: {chosen}, seed {config.seed}")
    rows = figure.add_gridspec(5, 1, height_ratios=(1.15, 1.0, 0.75, 0.75, 1.25))
    _room(rows[0].subgridspec(1, 2), figure, config, people, room)
    _poses(rows[1].subgridspec(1, POSES), figure, performance)
    csi = _csi(config, people, room, frames, rng)  # (packets, antennas, subcarriers)
    _waterfalls(rows[2].subgridspec(1, 2), figure, csi, config.radio.subcarriers)
    _doppler(figure.add_subplot(rows[3]), config, people, room, frames, rng)
    _clouds(rows[4].subgridspec(1, 4), figure, config, people, room, rng)
    with replacing(path) as temporary:
        figure.set_canvas(FigureCanvasAgg(figure))
        figure.savefig(temporary, dpi=DPI, format=Path(path).suffix.lstrip("."))


def _subject_and_action(config: SimConfig, sequence: str | None) -> tuple[str, str]:
    subject, _, action = (sequence or f"{config.subjects[0]}/{config.actions[0]}").partition("/")
    if not re.fullmatch(r"S(0[1-9]|[1-3]\d|40)", subject) or action not in (*ACTIONS, WALK):
        raise ConfigError(f"a sequence is named as S01/A13, S01 to S40, A01 to A27 or walk; got {sequence!r}")
    return subject, action


def _room(grid, figure: Figure, config: SimConfig, people: People, room: RoomConfig) -> None:
    """Plan (seen from above) and elevation (seen from the left wall): people, links and sensors, to scale."""
    vertices, faces = people.vertices(np.zeros(1))[0], people.faces
    receivers = np.concatenate(list(config.radio.antennas.values()))
    antennas = {"transmitter": config.radio.transmitters, "receiver": receivers}
    for column, (title, across, up) in enumerate((("from above", 0, 2), ("from the left", 2, 1))):
        axes = figure.add_subplot(grid[column])
        low, high = np.array(room.lower), np.array(room.upper)
        size = high - low
        corner = (low[across], low[up])
        axes.add_patch(Rectangle(corner, size[across], size[up], fill=False, linewidth=2, color="#555555"))
        _mesh(axes, vertices, faces, across, up)
        for name, places in antennas.items():
            axes.plot(places[:, across], places[:, up], "^" if name == "transmitter" else "v", color=LINK, label=name)
        for receiver in antennas["receiver"]:
            ends = np.stack([antennas["transmitter"][0], receiver])
            axes.plot(ends[:, across], ends[:, up], color=LINK, linewidth=0.7, alpha=0.6)
        axes.plot([0], [0], "s", color=SENSOR, label="depth camera, LiDAR, radar")
        axes.set(title=f"room, {title}", xlabel=f"{'xyz'[across]} (m)", ylabel=f"{'xyz'[up]} (m)", aspect="equal")
        if up == 1:
            axes.invert_yaxis()  # y is down
        if column == 0:
            axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False)


def _poses(grid, figure: Figure, performance: Performance | Walk) -> None:
    """The body at equal steps through one cycle, as the camera sees it."""
    times = performance.period * np.arange(POSES) / POSES
    now = performance.posture(times)
    vertices = performance.surface.posed(now.rotations, now.shifts)
    centre = now.joints[:, 0].mean(axis=0)
    for column in range(POSES):
        axes = figure.add_subplot(grid[column])
        _mesh(axes, vertices[column], performance.surface.faces, 0, 1)
        axes.plot(now.joints[column, :, 0], now.joints[column, :, 1], ".", color="#222222", markersize=2)
        left = now.joints[column, 13]
        axes.annotate("left hand", left[:2], fontsize=6, color=SENSOR, ha="left")
        axes.axhline(performance.spot[1], color="#999999", linewidth=0.8)
        axes.set(xlim=(centre[0] - 0.95, centre[0] + 0.95), ylim=(performance.spot[1] + 0.1, performance.spot[1] - 2.3))
        axes.set_aspect("equal")
        axes.set_title(f"{times[column]:.1f} s" + (", as the camera sees it" if column == 0 else ""), fontsize=8)
        axes.set_axis_off()


def _mesh(axes: Axes, vertices: np.ndarray, faces: np.ndarray, across: int, up: int) -> None:
    """The facets that face the onlooker, far ones first, shaded by how they stand."""
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    axis = 3 - across - up
    # The onlooker stands at small z (camera), small y (above) or small x (left).
    order = np.argsort(-corners[:, :, axis].mean(axis=1))
    order = order[normals[order, axis] < 0]
    light = -normals[order, axis] * 0.75 + 0.25 * np.abs(normals[order, across])
    base = np.array([0.54, 0.64, 0.72])
    colours = np.clip(base * (0.45 + 0.75 * light[:, None]), 0, 1)
    outlines = corners[order][:, :, [across, up]]
    axes.add_collection(PolyCollection(outlines, facecolors=colours, edgecolors="face", linewidths=0.1))


def _csi(config: SimConfig, people: People, room: RoomConfig, frames: int, rng) -> np.ndarray:
    """CSI as the first receiver measures it, the rotation undone: complex ``(packets, antennas, subcarriers)``."""
    static, rngs = static_response(room, config.radio), receiver_rngs(config, rng)
    csi = [frame[FIRST] for frame in csi_frames(config, people, frames, static, rngs)]
    csi = np.concatenate(csi)
    rotated = config.hardware.rotation and not config.captures
    return undo_ht40_rotation(csi, config.radio.subcarriers) if rotated else csi


def _waterfalls(grid, figure: Figure, csi: np.ndarray, subcarriers: np.ndarray) -> None:
    """Amplitude (each packet at the same mean power) and sanitised phase of the first antenna."""
    level = np.sqrt(np.mean(np.abs(csi) ** 2, axis=-1, keepdims=True))
    amplitude = 20 * np.log10(np.maximum(np.abs(csi / level), 1e-3))[:, 0]
    phase = np.angle(sanitise(csi, subcarriers))[:, 0]
    extent = (0, len(csi) / (PACKETS * FRAME_RATE), -0.5, len(subcarriers) - 0.5)
    spread = np.percentile(np.abs(phase), 99)
    for column, (values, title, options) in enumerate((
        (amplitude, "amplitude, dB over the packet's mean power", {"cmap": "viridis", "vmin": -12, "vmax": 6}),
        (phase, "sanitised phase, rad", {"cmap": "twilight", "vmin": -spread, "vmax": spread}),
    )):  # fmt: skip
        axes = figure.add_subplot(grid[column])
        image = axes.imshow(values.T, aspect="auto", origin="lower", extent=extent, interpolation="nearest", **options)
        ticks = np.linspace(0, len(subcarriers) - 1, 6).round().astype(int)
        axes.set(title=f"antenna 1: {title}", xlabel="time (s)", ylabel="subcarrier")
        axes.set_yticks(ticks, subcarriers[ticks], fontsize=7)
        figure.colorbar(image, ax=axes, pad=0.01)


def _doppler(axes: Axes, config: SimConfig, people: People, room: RoomConfig, frames: int, rng) -> None:
    """Spectrogram of what moves, with a hardware that adds no phase or gain of its own, so that its sign is seen."""
    still = replace(config.hardware, phase=False, timing_jitter=0, gain_jitter=0, outlier_share=0, zero_share=0, bits=0)
    ideal = replace(config, hardware=replace(still, rotation=False))
    csi = _csi(ideal, people, room, frames, rng)[:, 0].mean(axis=-1)
    rate, length = PACKETS * FRAME_RATE, 64
    moving = csi - csi.mean()
    starts = np.arange(0, len(moving) - length, 8)
    pieces = np.stack([moving[s : s + length] for s in starts]) * np.hanning(length)
    power = np.fft.fftshift(np.abs(np.fft.fft(pieces, 4 * length, axis=1)) ** 2, axes=1)
    decibels = 10 * np.log10(power / power.max() + 1e-12)
    extent = (starts[0] / rate, (starts[-1] + length) / rate, -rate / 2, rate / 2)
    image = axes.imshow(decibels.T, aspect="auto", origin="lower", extent=extent, cmap="magma", vmin=-40, vmax=0)
    axes.set(title="Doppler of antenna 1 (ideal hardware): positive towards the link", xlabel="time (s)", ylabel="Hz")
    axes.figure.colorbar(image, ax=axes, pad=0.01, label="dB")


def _clouds(grid, figure: Figure, config: SimConfig, people: People, room: RoomConfig, rng) -> None:
    """Each sensor's points over the body of the same instant, from the front; and all three from the left."""
    time = _liveliest(people.performances[0])
    vertices, faces = people.vertices(np.array([time]))[0], people.faces
    low, high = vertices.min(axis=0) - 0.3, vertices.max(axis=0) + (0.3, 0.02, 0.3)
    clouds = _sensor_clouds(config, people, room, time, rng)
    clouds = {name: cloud[((cloud > low) & (cloud < high)).all(axis=1)] for name, cloud in clouds.items()}
    for column, name in enumerate((*clouds, "all")):
        axes = figure.add_subplot(grid[column])
        across = 2 if name == "all" else 0
        _mesh(axes, vertices, faces, across, 1)
        for sensor, cloud in clouds.items():
            if name in (sensor, "all"):
                size = {"depth": 0.3, "lidar": 3.0, "mmwave": 18.0}[sensor]
                axes.scatter(cloud[:, across], cloud[:, 1], s=size, color=COLOURS[sensor], linewidths=0)
        title = "all, from the left" if name == "all" else f"{name}: {len(clouds[name])} points, from the front"
        axes.set(title=title, xlim=(low[across], high[across]), ylim=(high[1], low[1]), aspect="equal")
        axes.title.set_fontsize(9)
        axes.tick_params(labelsize=7)


def _liveliest(performance: Performance | Walk) -> float:
    """The instant of a cycle at which the joints move fastest: the radar sees nobody who holds still."""
    times = np.linspace(0, performance.period, 60)
    speed = np.linalg.norm(np.diff(performance.posture(times).joints, axis=0), axis=-1).mean(axis=1)
    return float(times[np.argmax(speed)])


def _sensor_clouds(
    config: SimConfig, people: People, room: RoomConfig, time: float, rng
) -> dict[str, np.ndarray]:
    """Points in the project's frame, as the default extrinsics and intrinsics give them."""
    triangles = people.vertices(np.array([time]))[0][people.faces]
    image = DepthCamera(config.depth, room).image(triangles, rng) / 1000.0
    row, column = np.nonzero(image)
    z = image[row, column]
    pixels = np.stack([column, row], axis=1) - config.depth.center
    scan = Lidar(config.lidar, room).scan(triangles, rng)
    radar = radar_points(config, people, time, rng)[:, :3]
    return {
        "depth": np.concatenate([pixels * z[:, None] / config.depth.focal, z[:, None]], axis=1),
        "lidar": (scan - LIDAR_TRANSLATION) @ LIDAR_ROTATION,
        "mmwave": radar @ RADAR_ROTATION,
    }
