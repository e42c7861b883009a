"""Packets in which nothing was measured."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from ..types import Report
from .packets import Packets

#: Why a packet was left out.
EMPTY = "every value is 0"


def without_empty(group: Packets, path: str | Path, report: Report) -> Packets:
    """The packets that have at least one valid entry; the others are listed in ``report``."""
    measured = group.valid.any((1, 2))
    if measured.all():
        return group
    for number in group.where[~measured].tolist():
        report.skip(f"{path} packet {number}", EMPTY)
    every = {field.name: getattr(group, field.name) for field in fields(group)}
    per_packet = {
        name: values[measured]
        for name, values in every.items()
        if isinstance(values, np.ndarray) and name != "subcarriers"
    }
    return replace(group, **per_packet, fields={name: values[measured] for name, values in group.fields.items()})
