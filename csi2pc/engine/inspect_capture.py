"""``csi2pc inspect``: what a capture is, in about ten lines, as JSON, and as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..csi.describe import GAP, describe
from ..csi.provenance import read_provenance
from ..csi.read import read_layouts, recognise
from ..errors import ConfigError

#: Reasons and notes beyond this number are summed up.
_MOST_LISTED = 4


def inspect_capture(
    path: str | Path, *, layout: int = 0, reader: Mapping[str, Any] | None = None, plot: str | Path | None = None
) -> dict[str, Any]:
    """Read a capture and describe it.

    Args:
        path: a file or folder that :func:`csi2pc.csi.read_capture` reads.
        layout: which layout to describe, where the file holds several; 0 has most packets.
        reader: options of its reader.
        plot: where to draw its figure; the ending chooses the format (png, pdf, svg).

    Returns:
        What :func:`csi2pc.csi.describe.describe` says of that layout, and ``path``, ``format``, ``layout``,
        ``layouts`` (packets, rx, tx, subcarriers and bandwidth of each) and ``provenance`` (of a converted capture;
        empty for any other). JSON can hold it.

    Raises:
        DataError: it cannot be read.
        ConfigError: there is no such layout, or the reader has no such option.
    """
    reader = reader or {}
    captures = read_layouts(path, **reader)
    if not 0 <= layout < len(captures):
        raise ConfigError(f"layout must be 0..{len(captures) - 1}, the layouts that {path} holds; got {layout}")
    capture = captures[layout]
    if plot is not None:
        from ..evaluation.capture_figure import capture_figure

        capture_figure(plot, capture, title=Path(path).name)
    overview = [
        {
            "packets": len(one), "rx": one.rx, "tx": one.tx, "subcarriers": len(one.subcarriers),
            "bandwidth_hz": one.bandwidth,
        }
        for one in captures
    ]  # fmt: skip
    return {
        "path": str(path), "format": recognise(path, reader).name, "layout": layout, "layouts": overview,
        "provenance": read_provenance(path), **describe(capture),
    }  # fmt: skip


def in_words(about: Mapping[str, Any]) -> list[str]:
    """The lines that a person reads, out of what :func:`inspect_capture` returned."""
    lines = [
        ("capture", _join(about["path"], about["format"], "SIMULATED" if about["synthetic"] else "")),
        ("from", _origin(about["provenance"])),
        ("packets", _packets(about)),
        ("layout", _layout(about)),
        ("channel", _channel(about)),
        ("time", _time(about)),
        ("gaps", _gaps(about)),
        ("measured", _share(about["measured"]) + " of the entries"),
        ("levels", _levels(about)),
        ("amplitude", _amplitude(about["amplitude"])),
        ("phase", _phase(about["phase_spread_rad"])),
        ("also", ", ".join(about["fields"])),
        ("skipped", _counted(about["skipped"])),
    ]
    lines += [("note", note) for note in about["notes"][:_MOST_LISTED]]
    if len(about["notes"]) > _MOST_LISTED:
        lines.append(("note", f"and {len(about['notes']) - _MOST_LISTED} more; --json lists them"))
    return [f"{name:<10s} {text}" for name, text in lines if text]


def _origin(origin: Mapping[str, Any]) -> str:
    if not origin:
        return ""
    return (
        f"{origin.get('source')} ({origin.get('format')}, {origin.get('bytes'):,} bytes), converted by csi2pc "
        f"{origin.get('csi2pc')} at {origin.get('converted')}"
    )


def _packets(about: Mapping[str, Any]) -> str:
    others = len(about["layouts"]) - 1
    text = f"{about['packets']:,} by {about['device']}"
    return text + (f"; layout {about['layout']} of {others + 1} in this file" if others else "")


def _layout(about: Mapping[str, Any]) -> str:
    tones = about["subcarriers"]
    return f"{about['rx']} rx x {about['tx']} tx, {tones['count']} subcarriers ({tones['indices']})"


def _channel(about: Mapping[str, Any]) -> str:
    return _join(
        "" if about["channel"] is None else f"channel {about['channel']}",
        _scaled(about["center_frequency_hz"], 1e6, "MHz centre frequency"),
        _scaled(about["bandwidth_hz"], 1e6, "MHz wide"),
    )


def _time(about: Mapping[str, Any]) -> str:
    time, interval = about["time"], about["time"]["interval_s"]
    if time["rate_hz"] is None:
        return f"{time['duration_s']:.3f} s ({about['timing']})"
    return (
        f"{time['duration_s']:.2f} s ({about['timing']}), {time['mean_rate_hz']:.1f} packets/s; median interval "
        f"{interval['median'] * 1e3:.2f} ms ({time['rate_hz']:.1f} packets/s), 5-95 %: "
        f"{interval['p5'] * 1e3:.2f}-{interval['p95'] * 1e3:.2f} ms"
    )


def _gaps(about: Mapping[str, Any]) -> str:
    found = about["time"]["gaps"]
    if found["limit_s"] is None:
        return ""
    limit = f"longer than {GAP:g} median intervals, {found['limit_s'] * 1e3:.1f} ms"
    return f"{found['count']} ({limit})" + (f"; the longest {found['longest_s']:.3g} s" if found["count"] else "")


def _levels(about: Mapping[str, Any]) -> str:
    named = (("RSSI", "rssi_dbm", " dBm"), ("noise", "noise_floor_dbm", " dBm"), ("AGC", "agc_db", " dB"),
             ("RSSI of the antennas", "rssi_antennas", ""))  # fmt: skip
    return ", ".join(
        f"{name} {_extent(found)}{unit}" for name, key, unit in named if (found := about[key])
    )


def _extent(found: Mapping[str, float]) -> str:
    low, high = round(found["lowest"], 1), round(found["highest"], 1)
    return f"{low:g}" if low == high else f"{low:g}..{high:g}"


def _amplitude(found: Mapping[str, float] | None) -> str:
    return f"median {found['median']:.3g}, 5-95 %: {found['p5']:.3g}-{found['p95']:.3g}" if found else ""


def _phase(found: Mapping[str, float | None]) -> str:
    if found["raw"] is None:
        return ""
    ratio = f" ({found['ratio']:.1f} times less)" if found["ratio"] else ""
    return f"varies by {found['raw']:.2f} rad raw, {found['sanitised']:.3f} rad sanitised{ratio}"


def _counted(skipped: Mapping[str, int]) -> str:
    listed = [f"{reason}: {count}" for reason, count in list(skipped.items())[:_MOST_LISTED]]
    if len(skipped) > len(listed):
        listed.append(f"{len(skipped) - len(listed)} more reasons")
    return f"{sum(skipped.values())} ({'; '.join(listed)})" if skipped else "0"


def _share(value: float | None) -> str:
    return "none" if value is None else f"{value:.2%}"


def _scaled(value: float | None, unit: float, words: str) -> str:
    return "" if value is None else f"{value / unit:g} {words}"


def _join(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
