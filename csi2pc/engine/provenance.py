"""What computed a run: versions, the state of the source, and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import __version__


def environment() -> dict[str, Any]:
    """Versions, git state and hardware of this process, as JSON."""
    cuda = torch.cuda.is_available()
    return {
        "csi2pc": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else [],
        **git_state(Path(__file__).parents[2]),
    }


def git_state(folder: Path) -> dict[str, Any]:
    """The commit of a checkout, and whether tracked files differ from it; both None where there is no checkout."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "rev-parse", "--show-toplevel") != str(folder.resolve()):
        return {"commit": None, "changed": None}  # installed into somebody else's checkout, or none
    return {"commit": commit, "changed": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())
