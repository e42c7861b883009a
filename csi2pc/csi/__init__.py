"""CSI from captured file to model input: read, repair, sanitise, cut into windows. NumPy only."""

from .features import CHANNELS
from .prepare import PrepareConfig, prepare
from .read import read_capture, read_layouts
from .windows import Windows, clock, windows_at

__all__ = ["CHANNELS", "PrepareConfig", "Windows", "clock", "prepare", "read_capture", "read_layouts", "windows_at"]
