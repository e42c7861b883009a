import json

from csi2pc.engine.follow_report import LISTED, Tally, write_report
from csi2pc.types import Report


def test_lines_are_listed_up_to_a_number_and_counted_beyond_it(tmp_path):
    tally = Tally()
    for _ in range(3):
        report = Report()
        for n in range(LISTED // 2):
            report.skip(f"log line {n}", "no CSI_DATA line")
        tally.add(report)
    assert len(tally.listed) == LISTED and tally.counts == {"no CSI_DATA line": 3 * (LISTED // 2)}
    write_report(tmp_path, "log", 10.0, tally)
    written = json.loads((tmp_path / "report.json").read_text())
    assert len(written["skipped"]) == LISTED and written["counts"] == dict(tally.counts)


def test_the_summary_names_what_happened_only():
    tally = Tally(packets=7, clouds=[0.1])
    assert tally.summary() == "7 packets, 1 clouds"
    tally.dropped, tally.lost, tally.restarts = 2, 3, 1
    assert tally.summary() == (
        "7 packets, 1 clouds, 2 windows dropped, 3 datagrams dropped, 1 restarts of the receiver"
    )
    tally = Tally(packets=7)
    tally.counts.update({"no CSI_DATA line": 2, "cut off": 5})
    assert tally.summary() == "7 packets, 0 clouds, 7 lines skipped (cut off: 5; no CSI_DATA line: 2)"


def test_latency_is_told_by_quantiles(tmp_path):
    write_report(tmp_path, "log", 10.0, Tally(clouds=[1.0, 2.0], sessions=[0, 0], latency=[0.1, 0.3]))
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["latency_s"]["median"] == 0.2 and written["latency_s"]["max"] == 0.3
    assert written["timestamps_s"] == [1.0, 2.0] and written["rate_hz"] == 10.0
