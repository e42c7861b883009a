"""What happened while a stream was followed, counted as it goes and written at the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ..evaluation.strict_json import write_json
from ..progress import console
from ..types import Report, Skipped

#: Skipped lines that the report lists one by one; the others are counted.
LISTED = 1000
#: Reasons for skipped lines that the summary tells, the most frequent ones.
_MOST_TOLD = 4


@dataclass
class Tally:
    """What happened; it does not grow with the length of the stream, but for three numbers a cloud.

    Attributes:
        packets: taken in.
        clouds: times of the windows that became clouds, seconds on the receiver's clock.
        sessions: for each cloud, how often that clock had begun anew before.
        latency: for each cloud, seconds from the last packet of its window to the cloud on disk.
        rejected: windows that were not measured well enough.
        dropped: windows that the model had no time for.
        lost: datagrams that nobody had time to look at.
        restarts: how often the receiver's clock began anew.
        counts: skipped lines by reason; ``listed`` are the first of them.
        events: what else a user should know, in order.
    """

    packets: int = 0
    clouds: list[float] = field(default_factory=list)
    sessions: list[int] = field(default_factory=list)
    latency: list[float] = field(default_factory=list)
    rejected: int = 0
    dropped: int = 0
    lost: int = 0
    restarts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    listed: list[Skipped] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Count what one piece of text left out."""
        self.counts.update(report.counts)
        self.listed.extend(report.skipped[: LISTED - len(self.listed)])

    def tell(self, event: str) -> None:
        """Say it now, and keep it for the report."""
        self.events.append(event)
        console.print(event)

    def summary(self) -> str:
        """One line, for example ``1000 packets, 99 clouds, 3 windows dropped``."""
        line = f"{self.packets} packets, {len(self.clouds)} clouds"
        for number, what in (
            (self.rejected, "windows unmeasured"), (self.dropped, "windows dropped"), (self.lost, "datagrams dropped"),
            (self.restarts, "restarts of the receiver"), (sum(self.counts.values()), "lines skipped"),
        ):  # fmt: skip
            line += f", {number} {what}" if number else ""
        reasons = "; ".join(f"{reason}: {count}" for reason, count in self.counts.most_common(_MOST_TOLD))
        return f"{line} ({reasons})" if reasons else line


def write_report(folder: Path, source: str, rate: float, tally: Tally) -> None:
    """Write ``report.json``: what inference on a file writes, and what only a stream has."""
    shares = {"median": 0.5, "p95": 0.95, "max": 1.0}
    latency = {name: float(np.quantile(tally.latency, share)) for name, share in shares.items() if tally.latency}
    write_json(
        folder / "report.json",
        {
            "capture": source,
            "device": "esp32",
            "timing": "recorded",
            "synthetic": False,
            "rate_hz": rate,
            "timestamps_s": tally.clouds,
            "sessions": tally.sessions,
            "latency_s": latency,
            "packets": tally.packets,
            "windows_rejected": tally.rejected,
            "windows_dropped": tally.dropped,
            "datagrams_dropped": tally.lost,
            "restarts": tally.restarts,
            "read": len(tally.clouds),
            "counts": dict(tally.counts.most_common()),
            "notes": tally.events,
            "skipped": [asdict(s) for s in tally.listed],
        },
    )
