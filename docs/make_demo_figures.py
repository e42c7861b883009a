"""Make the README's figures and table from a real run of the demo.

    python docs/make_demo_figures.py [FOLDER]

runs ``csi2pc demo --out FOLDER`` (default ``runs/demo``; a finished one is only evaluated again), then copies what the
evaluation drew and wrote into ``docs/figures/``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from csi2pc.engine.demo import demo

FIGURES = Path(__file__).parent / "figures"
COPIED = {"frames.png": "demo_frames.png", "skill.png": "demo_skill.png", "summary.md": "demo_summary.md"}


def main(folder: str = "runs/demo") -> None:
    """Run the demo in ``folder`` and copy its figures and table."""
    demo(folder)
    FIGURES.mkdir(exist_ok=True)
    for source, name in COPIED.items():
        shutil.copyfile(Path(folder) / "run" / "evaluation" / source, FIGURES / name)


if __name__ == "__main__":
    main(*sys.argv[1:])
