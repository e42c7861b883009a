"""The simulator's radio channel against an independent ray tracer, sionna-rt (extra ``sionna``).

    python benchmarks/sim_vs_raytracer.py [rooms] [body] [--figures docs/figures]

``rooms``: paths, delays, gains and frequency responses in empty rooms, which must agree. ``body``: what a
person who moves adds, which does not agree, since a ray tracer takes each facet for a piece of a flat mirror and its
shadow is there or not; printed is how far apart they are. The mesh is written as PLY, and the tracer's scene is built
anew for every packet. The tables and figures are those of docs/simulator.md.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from csi2pc.errors import require_package
from csi2pc.sim.channel import RadioConfig, body_response, static_response
from csi2pc.sim.mesh import draw_surface, facets
from csi2pc.sim.motion import MotionConfig, Style, perform
from csi2pc.sim.room import MATERIALS, RoomConfig, room_paths
from csi2pc.sim.scattering import SPEED_OF_LIGHT, Facets, Instant

#: Metres: thick enough that nothing comes back from a slab's far side; ours are without end.
THICKNESS = 10.0
#: Stands in for the skin: reflects 0.71 at normal incidence, as ``radio.skin`` does by default.
SKIN = (35.0, 2.0)  # relative permittivity, S/m
RAYS = 10**6
ACTION, PACKETS, FRAME, RATE = "A13", 60, 10, 100.0  # packets in all and of a frame, packets a second
CENTRE = 57  # a subcarrier next to the band's centre
OURS, THEIRS, DIFFUSE = "#0072B2", "#D55E00", "#CC79A7"

ROOMS = {
    "default link and room": (RoomConfig(), RadioConfig(rx=[[1.6, -0.15, 3.05]])),
    "link to the side": (RoomConfig(), RadioConfig(tx=[1.3, -0.15, 2.2], rx=[[1.35, -0.2, 3.7]])),
    "antennas low and high": (
        RoomConfig([-3.0, -2.0, -2.0], [3.0, 0.8, 6.0], walls="brick", ceiling="plasterboard", floor="wood"),
        RadioConfig(tx=[-2.0, -1.6, -1.0], rx=[[2.1, 0.3, 4.0]]),
    ),
    "hall of plasterboard": (
        RoomConfig([-6.0, -3.2, -3.0], [7.0, 0.8, 9.0], walls="plasterboard"),
        RadioConfig(tx=[-2.0, -1.2, 1.0], rx=[[2.0, 0.1, 4.0]]),
    ),
    "metal walls, 2.4 GHz": (
        RoomConfig(walls="metal"),
        RadioConfig(tx=[-2.0, -1.2, 1.0], rx=[[2.0, 0.1, 4.0]], frequency=2.437e9),
    ),
    "corridor": (
        RoomConfig([-0.9, -1.8, -2.0], [0.8, 0.9, 12.0], walls="brick", ceiling="wood"),
        RadioConfig(tx=[-0.5, -0.7, -1.0], rx=[[0.4, 0.2, 9.0]]),
    ),
}
LINKS = {
    "across the person": RadioConfig(rx=[[1.6, -0.15, 3.05]]),
    "beside the person": RadioConfig(tx=[1.3, -0.15, 2.2], rx=[[1.3, -0.15, 3.7]]),
}


@dataclass(frozen=True, eq=False)
class Traced:
    """What the tracer found between two antennas: delays (L,) seconds, gains (L,), response (S,)."""

    delays: np.ndarray
    gains: np.ndarray
    response: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="rooms, body; both by default")
    parser.add_argument("--figures", type=Path, help="folder to draw figures in")
    given = parser.parse_args()
    unknown = set(given.parts) - {"rooms", "body"}
    if unknown:
        parser.error(f"parts are rooms and body; got {', '.join(sorted(unknown))}")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    rt = require_package("sionna.rt", extra="sionna")
    print(f"sionna-rt {rt.__version__}, order 2")
    for part, run in (("rooms", compare_rooms), ("body", compare_bodies)):
        if not given.parts or part in given.parts:
            with tempfile.TemporaryDirectory() as folder:
                run(rt, Path(folder), given.figures)


def compare_rooms(rt, folder: Path, figures: Path | None) -> None:
    """Empty rooms: a line each."""
    print("\n| room | paths, found | delays, s | gains, dB | response, dB | error of response, dB |")
    print("|---|---:|---:|---:|---:|---:|")
    drawn = {}
    for name, (room, radio) in ROOMS.items():
        found = traced(rt, room_objects(rt, room, radio, folder), radio, depth=2)
        own = room_paths(room, np.array(radio.tx), np.array(radio.rx[0]), radio.frequency)
        gains = SPEED_OF_LIGHT / radio.frequency / (4 * np.pi * own.lengths) * np.abs(own.coefficients)
        delays = own.lengths / SPEED_OF_LIGHT
        late, match = matched(found, delays, gains)
        response = static_response(room, radio)[0]
        ratio = decibels(found.response) - decibels(response)
        error = np.sum(np.abs(found.response - response) ** 2) / np.sum(np.abs(response) ** 2)
        print(
            f"| {name} | {len(delays)}, {len(found.delays)} | {late.max():.0e} | "
            f"{np.abs(decibels(found.gains) - decibels(gains[match])).max():.4f} | {np.abs(ratio).max():.4f} | "
            f"{10 * np.log10(error):.0f} |",
            flush=True,
        )
        drawn[name] = (radio, response, found.response)
    if figures is not None:
        draw_rooms(drawn, figures / "sim_rooms_raytracer.png")


def matched(found: Traced, delays: np.ndarray, gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each path of the tracer: how far off in delay our path is, and which it is.

    Among paths within 1e-13 s, which a symmetric room has, the one nearest in gain.
    """
    late = np.abs(found.delays[:, None] - delays)
    unlike = np.abs(np.log(np.abs(found.gains)[:, None] / gains))
    match = np.argmin(np.where(late < 1e-13, unlike, 1e20 * late), axis=1)
    return late[np.arange(len(match)), match], match


def compare_bodies(rt, folder: Path, figures: Path | None) -> None:
    """A person who moves, in free space: what is received relative to the direct wave, ours and the tracer's."""
    surface = draw_surface(1.75, rng=np.random.default_rng(0))
    performance = perform(ACTION, surface, Style(1.0, 1.0), MotionConfig(), floor=0.84, rng=np.random.default_rng(1))
    vertices = performance.vertices((np.arange(PACKETS) + 0.5) / RATE)  # (P, V, 3)
    borders = performance.vertices(np.arange(0, PACKETS + 1, FRAME) / RATE)  # (frames + 1, V, 3)
    print(f"\n{ACTION}, {PACKETS} packets at {RATE:g} Hz, no room; what the body adds, relative to the direct wave")
    print("| link | by | body, dB, median | direct wave cut off | paths over the body | beyond Doppler limit |")
    print("|---|---|---:|---:|---:|---:|")
    drawn = {}
    for name, radio in LINKS.items():
        direct = static_response(RoomConfig(order=0), radio)[0, CENTRE]
        limit = doppler_limit(vertices, surface.faces, radio)
        drawn[name] = (limit, {"csi2pc": own_body(vertices, borders, surface.faces, radio) / direct + 1})
        print_body(name, "csi2pc", drawn[name][1]["csi2pc"], "gradual", "-", limit)
        for who, diffuse in (("sionna-rt, mirrors", False), ("sionna-rt, diffuse", True)):
            found = [traced_body(rt, now, surface.faces, radio, folder, diffuse=diffuse) for now in vertices]
            cut, paths, received = (np.array(values) for values in zip(*found, strict=True))
            drawn[name][1][who] = received / direct
            print_body(name, who, received / direct, f"{cut.mean():.0%} of packets", f"{paths.mean():.1f}", limit)
    if figures is not None:
        draw_bodies(drawn, figures / "sim_body_raytracer.png")


def print_body(link: str, who: str, received: np.ndarray, cut: str, paths: str, limit: float) -> None:
    """One line; ``received`` is relative to the direct wave, which is what is there without a body."""
    body = received - 1
    level = f"{np.median(decibels(body)):.1f}" if np.abs(body).max() > 1e-4 else "nothing"
    share = f"{beyond(body, limit):.2%}" if np.ptp(np.abs(body)) > 1e-4 else "-"
    print(f"| {link} | {who} | {level} | {cut} | {paths} | {share} |", flush=True)


def own_body(vertices: np.ndarray, borders: np.ndarray, faces: np.ndarray, radio: RadioConfig) -> np.ndarray:
    """Our body's field at the band's centre, ``(P,)``, frame by frame between their borders as in a simulation."""
    instants = [Instant(*surface) for surface in zip(*facets(borders, faces), strict=True)]
    share = (np.arange(FRAME) + 0.5) / FRAME
    fields = []
    for frame, (start, end) in enumerate(pairwise(instants)):
        positions = facets(vertices[FRAME * frame : FRAME * (frame + 1)], faces)[0]
        fields.append(body_response(Facets(positions, start, end, share), radio)[:, 0, CENTRE])
    return np.concatenate(fields)


def traced_body(
    rt, vertices: np.ndarray, faces: np.ndarray, radio: RadioConfig, folder: Path, *, diffuse: bool
) -> tuple[bool, int, complex]:
    """Whether the direct wave is cut off, how many paths lead over the body, and all that is received."""
    skin = rt.RadioMaterial(
        "skin",
        thickness=1.0,
        relative_permittivity=SKIN[0],
        conductivity=SKIN[1],
        scattering_coefficient=float(diffuse),
    )
    body = mesh_object(rt, "body", vertices, faces, skin, folder)
    found = traced(rt, [body], radio, depth=1, diffuse=diffuse)
    straight = np.linalg.norm(np.subtract(radio.tx, radio.rx[0])) / SPEED_OF_LIGHT
    reflected = int(np.sum(found.delays > straight + 1e-13))
    return reflected == len(found.delays), reflected, found.response[CENTRE]


def doppler_limit(vertices: np.ndarray, faces: np.ndarray, radio: RadioConfig) -> float:
    """Hertz: fastest change of any facet's path, and two bins for the window."""
    positions = facets(vertices, faces)[0]
    lengths = sum(np.linalg.norm(positions - np.array(place), axis=-1) for place in (radio.tx, radio.rx[0]))
    return np.abs(np.diff(lengths, axis=0)).max() * RATE * radio.frequency / SPEED_OF_LIGHT + 3 * RATE / len(vertices)


def spectrum(fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Doppler frequencies (hertz) and energy, without the mean."""
    energy = np.abs(np.fft.fft((fields - fields.mean()) * np.blackman(len(fields)))) ** 2
    return np.fft.fftshift(np.fft.fftfreq(len(fields), 1 / RATE)), np.fft.fftshift(energy)


def beyond(fields: np.ndarray, limit: float) -> float:
    """Share of the energy at Doppler shifts that nothing in the scene is fast enough for."""
    doppler, energy = spectrum(fields)
    return float(energy[np.abs(doppler) > limit].sum() / energy.sum())


def traced(rt, objects: list, radio: RadioConfig, *, depth: int, diffuse: bool = False) -> Traced:
    """A new scene of these objects, and its paths from ``radio.tx`` to the first of ``radio.rx``."""
    scene = rt.Scene()
    scene.frequency = radio.frequency
    scene.edit(add=objects)
    scene.tx_array = scene.rx_array = rt.PlanarArray(
        num_rows=1, num_cols=1, vertical_spacing=0.5, horizontal_spacing=0.5, pattern="iso", polarization="V"
    )
    scene.add(rt.Transmitter("tx", position=upright(radio.tx).tolist()))
    scene.add(rt.Receiver("rx", position=upright(radio.rx[0]).tolist()))
    paths = rt.PathSolver()(
        scene,
        max_depth=depth,
        samples_per_src=RAYS,
        specular_reflection=not diffuse,
        diffuse_reflection=diffuse,
        refraction=False,
        seed=1,
    )
    gains, delays = (values.reshape(-1) for values in paths.cir(normalize_delays=False, out_type="numpy"))
    valid = delays >= 0
    response = np.zeros(len(radio.offsets), dtype=complex)
    if valid.any():
        response = paths.cfr(frequencies=radio.offsets, normalize_delays=False, out_type="numpy").reshape(-1)
    return Traced(delays[valid].astype(float), gains[valid].astype(complex), response.astype(complex))


def room_objects(rt, room: RoomConfig, radio: RadioConfig, folder: Path) -> list:
    """Walls, ceiling and floor of the box as meshes with their materials."""
    low, high = np.array(room.lower), np.array(room.upper)
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * (high - low) + low
    sides = [[0, 1, 3, 2], [4, 5, 7, 6], [0, 1, 5, 4], [2, 3, 7, 6], [0, 2, 6, 4], [1, 3, 7, 5]]
    parts = {"walls": [0, 1, 4, 5], "ceiling": [2], "floor": [3]}
    objects = []
    for name, members in parts.items():
        faces = np.array([[sides[m][i] for i in face] for m in members for face in ((0, 1, 2), (0, 2, 3))])
        a, c, d = MATERIALS[getattr(room, name)]
        conductivity = c * (radio.frequency / 1e9) ** d
        material = rt.RadioMaterial(
            f"{name}-material", thickness=THICKNESS, relative_permittivity=a, conductivity=conductivity
        )
        objects.append(mesh_object(rt, name, corners, faces, material, folder))
    return objects


def mesh_object(rt, name: str, vertices: np.ndarray, faces: np.ndarray, material, folder: Path):
    """Write a mesh as PLY and make an object of it for the tracer's scene."""
    path = folder / f"{name}.ply"
    rows = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", 3)])
    rows["count"], rows["corners"] = 3, faces
    header = (
        f"ply\nformat binary_little_endian 1.0\nelement vertex {len(vertices)}\nproperty float x\nproperty float y\n"
        f"property float z\nelement face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    path.write_bytes(header.encode() + upright(vertices).astype("<f4").tobytes() + rows.tobytes())
    return rt.SceneObject(fname=str(path), name=name, radio_material=material)


def upright(places) -> np.ndarray:
    """The project's frame (right, down, forward) -> the tracer's (right, forward, up)."""
    x, y, z = np.moveaxis(np.asarray(places, dtype=float), -1, 0)
    return np.stack([x, z, -y], axis=-1)


def decibels(fields: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.abs(fields) + 1e-12)


def draw_rooms(drawn: dict, path: Path) -> None:
    figure = Figure(figsize=(11, 5), layout="constrained")
    for axes, (name, (radio, own, found)) in zip(figure.subplots(2, 3).flat, drawn.items(), strict=True):
        axes.plot(radio.offsets / 1e6, decibels(own), color=OURS, lw=3, alpha=0.5, label="csi2pc")
        axes.plot(radio.offsets / 1e6, decibels(found), color=THEIRS, lw=1, ls="--", label="sionna-rt")
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("MHz off the centre")
        axes.set_ylabel("gain, dB")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=100)


def draw_bodies(drawn: dict, path: Path) -> None:
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    for row, (name, (limit, received)) in zip(figure.subplots(2, 2), drawn.items(), strict=True):
        for (who, fields), colour in reversed(list(zip(received.items(), (OURS, THEIRS, DIFFUSE), strict=True))):
            row[0].plot(np.arange(len(fields)) / RATE, np.abs(fields), color=colour, label=who, lw=1.5)
            doppler, energy = spectrum(fields)
            row[1].plot(doppler, 10 * np.log10(energy / len(fields) ** 2 + 1e-12), color=colour, lw=1.5)
        for edge in (-limit, limit):
            row[1].axvline(edge, color="0.4", ls=":")
        row[0].set(title=f"link {name}", xlabel="s", ylabel="amplitude over the direct wave's")
        row[1].set(title="Doppler; dotted: the fastest facet's", xlabel="Hz", ylabel="dB", ylim=(-90, None))
    row[0].legend(fontsize=8)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
