from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from csi2pc.errors import ConfigError
from csi2pc.evaluation.simulation_sheet import simulation_sheet
from csi2pc.sim import SimConfig
from csi2pc.sim.body import BodyConfig
from csi2pc.sim.depth import DepthConfig

SMALL = SimConfig(
    body=BodyConfig(subdivisions=0), depth=DepthConfig(width=160, height=120, focal=96.5, center=[80.0, 60.0])
)


def test_a_sheet_is_drawn_and_nothing_else_written(tmp_path):
    simulation_sheet(SMALL, tmp_path / "sheet.png", sequence="S11/A13")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]
    pixels = np.asarray(Image.open(tmp_path / "sheet.png").convert("L"))
    assert min(pixels.shape) > 1000 and 0.1 < np.mean(pixels < 250) < 0.9


@pytest.mark.parametrize(
    ("name", "sequence", "message"),
    [
        ("sheet.png", "A13", "named as S01/A13.*'A13'"),
        ("sheet.png", "S41/A01", "S01 to S40"),
        ("sheet", None, "endings"),
    ],
)
def test_what_cannot_be_drawn(tmp_path, name, sequence, message):
    with pytest.raises(ConfigError, match=message):
        simulation_sheet(SMALL, tmp_path / name, sequence=sequence)
