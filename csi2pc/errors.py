"""The errors a user meets. Each message states the rule, the value received, and what to do about it."""

from __future__ import annotations

import importlib
from types import ModuleType


class CSI2PCError(Exception):
    """Whatever this project refuses on purpose; the command line prints it without a traceback."""


class DataError(CSI2PCError, ValueError):
    """Recorded data cannot be used: missing, damaged, of an unknown format, or without any usable frame."""


class ShapeError(CSI2PCError, ValueError):
    """An array has the wrong shape or dtype for the function it was given to."""


class ConfigError(CSI2PCError, ValueError):
    """A configuration has an unknown key, a wrong type, or values that cannot go together."""


class CheckpointError(CSI2PCError, RuntimeError):
    """A checkpoint cannot be read, was written by an incompatible version, or could not be saved."""


#: Exit status of a command that a :class:`TrainingError` ended: trying again would end the same way.
DIVERGED = 3


class TrainingError(CSI2PCError, RuntimeError):
    """Training cannot go on, for example because a loss term is not finite."""


class Interrupted(CSI2PCError):
    """Somebody asked a run to stop; it saved what it had and can be resumed."""


def require_package(name: str, *, extra: str) -> ModuleType:
    """Import an optional package, or say which extra installs it.

    Args:
        name: import name of the package, for example ``"csiread"``.
        extra: the extra of this project that installs it, for example ``"test"``.

    Raises:
        ConfigError: the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"this needs the optional package {name!r}, which is not installed: pip install 'csi2pc[{extra}]'"
        ) from error
