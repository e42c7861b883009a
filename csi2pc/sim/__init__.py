"""Physics that makes paired data: body, room, radio channel, hardware, sensors -> MM-Fi's layout on disk."""

from .checksums import verify
from .config import SimConfig
from .simulate import simulate

__all__ = ["SimConfig", "simulate", "verify"]
