"""csi2pc: human point clouds from WiFi Channel State Information."""

__version__ = "0.1.0"
