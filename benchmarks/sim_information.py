"""What the CSI of the simulated benchmarks can and cannot say, measured again with two small decoders.

    python benchmarks/sim_information.py tiny --work runs/sim_information [--quick]

A ridge regression to the 17 joints (error: mean distance of joints, against the best blind guess, the mean pose) and a
small network to points (Chamfer L1, against the learned constant cloud, the strongest blind cloud as a rule), trained
on training sequences and scored on held-out ones: by sequence (S1), by subject (S2) and, for hard, by room (S3); at
the preset's own SNR and at 10, 0 and -10 dB; and with CSI shuffled between test sequences. Skill is 1 - error / blind
error, with a 95 % bootstrap interval over test sequences. Data is simulated into ``--work`` once and found again.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree

from csi2pc.config import load_config
from csi2pc.csi.layouts import HT40
from csi2pc.csi.prepare import PrepareConfig
from csi2pc.data.dataset import DataConfig, FrameDataset, open_data
from csi2pc.data.targets import TargetConfig
from csi2pc.engine.demo import shipped_config
from csi2pc.evaluation.baselines import constant_cloud, shuffled_order
from csi2pc.losses import chamfer_l1
from csi2pc.sim import SimConfig, simulate

PREPARE = PrepareConfig(subcarriers=HT40[::6].tolist())
TARGET = TargetConfig(sensors=["lidar"], margin_below=0.07, max_points=256)
SPLITS = {"tiny": ("S1", "S2"), "default": ("S1", "S2"), "hard": ("S1", "S2", "S3")}
WORDS = {"S1": "sequence", "S2": "subject", "S3": "room"}
POINTS, WIDTH, EPOCHS, BATCH = 128, 256, 60, 64
RIDGE_SHARES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclass(frozen=True, eq=False)
class Part:
    """Features ``(n, D)``, joints ``(n, 51)``, clouds and frame names of one part."""

    features: np.ndarray
    joints: np.ndarray
    clouds: list[np.ndarray]
    frames: list


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", choices=list(SPLITS))
    parser.add_argument("--work", type=Path, default=Path("runs/sim_information"), help="where data is simulated")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="only the preset's own SNR")
    given = parser.parse_args()
    print(f"| {given.preset}: held out | SNR dB | ridge, joints m (blind) | skill | network, CD-L1 m (blind) | skill |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    base = load_config(shipped_config(f"sim_{given.preset}.yaml"), SimConfig)
    for snr in (base.hardware.snr, *(() if given.quick else (10.0, 0.0, -10.0))):
        config = replace(base, hardware=replace(base.hardware, snr=snr), modalities=["wifi-csi", "lidar"])
        root = given.work / f"{given.preset}-{snr:g}dB"
        simulate(config, root, workers=given.workers)
        for split in SPLITS[given.preset] if snr == base.hardware.snr else ("S1",):
            report(root, split, snr)


def report(root: Path, split: str, snr: float) -> None:
    """Train both decoders on one split and print a line for own CSI, and one for shuffled CSI."""
    data = open_data(DataConfig(root=str(root), split=split, validation_share=0.1, target=TARGET), PREPARE)
    train, validation, test = (read(part, root) for part in (data.train, data.validation, data.test))
    mean, spread = train.features.mean(0), train.features.std(0) + 1e-6
    parts = (train, validation, test)
    train, validation, test = (
        replace(part, features=((part.features - mean) / spread).astype(np.float32)) for part in parts
    )
    constant = constant_cloud(train.clouds, POINTS)
    blind_cloud = np.array([chamfer(constant, cloud) for cloud in test.clouds])
    blind_joints = joint_error(np.broadcast_to(train.joints.mean(0), test.joints.shape), test.joints)
    ridge = fit_ridge(train, validation)
    network = fit_network(train, validation, constant)
    order = shuffled_order(test.frames, seed=0)
    for name, features in ((WORDS[split], test.features), (f"{WORDS[split]}, shuffled CSI", test.features[order])):
        joints = joint_error(ridge(features), test.joints)
        clouds = np.array([chamfer(*pair) for pair in zip(network(features), test.clouds, strict=True)])
        cells = [
            f"{error.mean():.4f} ({blind.mean():.4f}) | {skill(error, blind, test.frames)}"
            for error, blind in ((joints, blind_joints), (clouds, blind_cloud))
        ]
        print(f"| {name} | {snr:g} | {cells[0]} | {cells[1]} |", flush=True)


def read(part: FrameDataset, root: Path) -> Part:
    """Prepared CSI as complex numbers of unit power: real and imaginary part of every packet, antenna and tone."""
    samples = [part[i] for i in range(len(part))]
    stacked = np.stack([sample.features for sample in samples])  # (n, A, S, C, T): log-amplitude, sin, cos
    amplitude = np.exp(stacked[:, :, :, 0])
    features = np.stack([amplitude * stacked[:, :, :, 1], amplitude * stacked[:, :, :, 2]])  # (2, n, A, S, T)
    poses = {name: np.load(root / name / "ground_truth.npy", allow_pickle=False) for name in part.sequences}
    joints = np.stack([poses[frame.sequence][frame.index - 1] for frame in part.frames])
    return Part(
        np.moveaxis(features, 0, 1).reshape(len(samples), -1),
        joints.reshape(len(samples), -1),
        [sample.points for sample in samples],
        part.frames,
    )


def joint_error(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Mean distance of the 17 joints, ``(n,)`` metres."""
    return np.linalg.norm((found - wanted).reshape(len(wanted), 17, 3), axis=-1).mean(axis=1)


def chamfer(points: np.ndarray, cloud: np.ndarray) -> float:
    """CD-L1, metres."""
    return (cKDTree(cloud).query(points)[0].mean() + cKDTree(points).query(cloud)[0].mean()) / 2


def fit_ridge(train: Part, validation: Part):
    """Ridge regression to the joints, its strength chosen on validation."""
    mean, best = train.joints.mean(0), None
    gram, cross = train.features.T @ train.features, train.features.T @ (train.joints - mean)
    for share in RIDGE_SHARES:
        weights = np.linalg.solve(gram + share * len(train.features) * np.eye(len(gram)), cross)
        error = joint_error(validation.features @ weights + mean, validation.joints).mean()
        if best is None or error < best[0]:
            best = error, weights
    return lambda features: features @ best[1] + mean


def fit_network(train: Part, validation: Part, start: np.ndarray):
    """A small network from features to points, begun at the constant cloud; the best epoch on validation is kept."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(train.features.shape[1], WIDTH), torch.nn.ReLU(), torch.nn.Dropout(0.3),
        torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(), torch.nn.Dropout(0.3), torch.nn.Linear(WIDTH, 3 * POINTS),
    )  # fmt: skip
    torch.nn.init.zeros_(network[-1].weight)
    with torch.no_grad():
        network[-1].bias.copy_(torch.from_numpy(start).reshape(-1))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS)
    generator = torch.Generator().manual_seed(0)
    best = (np.inf, {})
    for _ in range(EPOCHS):
        network.train()
        for rows in torch.randperm(len(train.features), generator=generator).split(BATCH):
            points = network(torch.from_numpy(train.features[rows.numpy()])).reshape(-1, POINTS, 3)
            loss = chamfer_l1(points, *padded([train.clouds[i] for i in rows.tolist()])).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
        predicted = run(network, validation.features)
        error = np.mean([chamfer(*pair) for pair in zip(predicted, validation.clouds, strict=True)])
        if error < best[0]:
            best = error, {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(best[1])
    return lambda features: run(network, features)


def padded(clouds: list[np.ndarray]) -> tuple[torch.Tensor, None, torch.Tensor]:
    """Target, no mask for the prediction, and the target's mask."""
    sizes = torch.tensor([len(cloud) for cloud in clouds])
    points = torch.zeros(len(clouds), int(sizes.max()), 3)
    for row, cloud in enumerate(clouds):
        points[row, : len(cloud)] = torch.from_numpy(cloud)
    return points, None, torch.arange(points.shape[1]) < sizes[:, None]


def run(network: torch.nn.Module, features: np.ndarray) -> np.ndarray:
    network.eval()
    with torch.no_grad():
        return network(torch.from_numpy(features)).reshape(-1, POINTS, 3).numpy()


def skill(error: np.ndarray, blind: np.ndarray, frames: list) -> str:
    """1 - error / blind with a bootstrap interval over sequences."""
    names = np.array([frame.sequence for frame in frames])
    sums = np.array([(error[names == name].sum(), blind[names == name].sum()) for name in np.unique(names)])
    drawn = np.random.default_rng(0).integers(len(sums), size=(2000, len(sums)))
    low, high = np.percentile(1 - np.divide(*np.moveaxis(sums[drawn].sum(axis=1), 1, 0)), [2.5, 97.5])
    return f"{1 - error.sum() / blind.sum():.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
