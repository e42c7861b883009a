"""Numbers and lists in words, the same in every table and sentence."""

from __future__ import annotations

from collections.abc import Sequence

from .metrics import METRICS


def number(value: float | None) -> str:
    """Four decimals, or a dash for a missing value."""
    return "-" if value is None else f"{value:.4f}"


def interval_words(low: float | None, high: float | None, form: str = ".2f") -> str:
    """`` [low, high]`` with a blank before it, or nothing where there is no interval."""
    return "" if low is None or high is None else f" [{low:{form}}, {high:{form}}]"


def unit(metric: str) -> str:
    """`` m`` or `` m^2`` with a blank before it, or nothing for a share."""
    found = METRICS[metric].unit
    return "" if found == "1" else f" {found}"


def arrow(metric: str) -> str:
    """Which way is better."""
    return "↓" if METRICS[metric].better == "lower" else "↑"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(count: int, what: str) -> str:
    """``1 run``, ``2 runs``."""
    return f"{count} {what}{'' if count == 1 else 's'}"
