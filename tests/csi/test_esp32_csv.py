"""Rows of CSV logs: the three layouts, what may stand around a row, and the parser against a slow obvious one."""

import re

import numpy as np
import pytest
from esp32_text import MAC, bins_of, header, row

from csi2pc.csi.esp32_csv import LAYOUTS, CsvLines, header_names, looks_like_row
from csi2pc.csi.esp32_rows import INTEGERS, UNKNOWN
from csi2pc.csi.layouts import LEGACY20
from csi2pc.errors import DataError
from csi2pc.types import Report


def slow_rows(lines):
    """The definition, line by line: {number: (MAC, integers, first word invalid, values)}."""
    layouts, found = dict(LAYOUTS), {}
    for number, line in enumerate(lines, 1):
        mark = re.search(rb'"?CSI_DATA"?\s*,', line)
        if mark is None:
            names = header_names(line)
            if names is not None and {"local_timestamp", "len"} <= set(names):
                layouts = {len(names): names}
            continue
        match = re.fullmatch(rb'([^\[]*),\s*"?\s*\[([^\]]*)\]\s*"?\s*(,.*)?', line[mark.start() :].rstrip(), re.DOTALL)
        if match is None or len(line) > 65536 or b"CSI_DATA" in (match[3] or b""):
            continue
        parts = match[1].split(b",")
        names = layouts.get(len(parts))
        if names is None:
            continue
        by_name = dict(reversed(list(zip(names, parts, strict=True))))
        mac = by_name["mac"].strip(b' "') if "mac" in by_name else b""
        tokens = [token for token in re.split(rb"[ ,]+", match[2]) if token]
        limit = 128 if "role" in by_name else 32768
        try:
            numbers = [int(by_name[name]) if name in by_name else UNKNOWN for name in INTEGERS]
            first = int(by_name.get("first_word", b"1")) != 0
            values = [int(token) for token in tokens]
        except ValueError:
            continue
        if "mac" in by_name and not re.fullmatch(rb"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", mac):
            continue
        if any(not -(1 << 31) <= n < 1 << 32 for n in numbers if n != UNKNOWN):
            continue
        if not all(re.fullmatch(rb"-?[0-9]{1,5}", token) for token in tokens):
            continue
        if all(-limit <= value < limit for value in values):
            found[number] = (mac.upper(), numbers, first, values)
    return found


def assert_equals_slow(content):
    lines = content.split(b"\n")
    try:
        rows = CsvLines()(lines, 1, "log", report := Report())
    except DataError as error:
        assert "the header row must name" in str(error)
        return 0
    expected = slow_rows(lines)
    assert rows.line.tolist() == sorted(expected)
    for i, (mac, numbers, first, values) in enumerate(expected[number] for number in rows.line.tolist()):
        assert rows.mac[i] == mac and rows.fields[i].tolist() == numbers and rows.first_word_invalid[i] == first
        assert rows.data[rows.start[i] : rows.start[i] + rows.stored[i]].tolist() == values
    listed = [int(skipped.where.rsplit(" ", 1)[1]) for skipped in report.skipped]
    assert not set(listed) & set(expected) and len(listed) == len(set(listed))
    return len(rows)


def mutate(content, rng):
    """Overwrite, drop or repeat a few pieces, most of them of one byte."""
    content = bytearray(content)
    for _ in range(rng.integers(1, 8)):
        at, length = int(rng.integers(len(content))), int(rng.choice([1, 1, 1, 300]))
        piece = rng.choice(np.frombuffer(b'0123456789-,_+ []"\nC.x', dtype=np.uint8), length).tobytes()
        content[at : at + length] = (piece, b"", content[at : at + length] * 2)[rng.integers(3)]
    return bytes(content)


def log(rng, layout):
    values = [bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0] for _ in range(6)]
    lines = [header(layout), *(row(v, layout=layout, local_timestamp=i) for i, v in enumerate(values)), "I (1) boot:"]
    return "\n".join(lines).encode()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_equals_the_slow_parser_on_mutants(rng, layout):
    content = log(rng, layout)
    assert assert_equals_slow(content) == 6
    assert sum(assert_equals_slow(mutate(content, rng)) for _ in range(300)) > 600


@pytest.mark.parametrize("name", ["captures/esp32/example_data.csv", "esp32_ht40/csi.csv"])
def test_equals_the_slow_parser_on_real_logs(real_data, name):
    assert assert_equals_slow((real_data / name).read_bytes()) > 59


def parse(*lines):
    return CsvLines()([line if isinstance(line, bytes) else line.encode() for line in lines], 1, "log", Report())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "around",
    ["I (4711) csi_recv: {}", "[12:00:01.5] {}", "2026-01-02 03:04:05,{}", "\x1b[0;32m{}", "{},1607774756.970717",
     "{}  ", "{}\r", "{},kitchen,2"],
)  # fmt: skip
def test_what_may_stand_around_a_row(rng, layout, around):
    line = row(bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0], layout=layout, rssi=-41)
    rows, plain = parse(around.format(line)), parse(line)
    assert len(rows) == 1 and rows.column("rssi").tolist() == [-41]
    np.testing.assert_array_equal(rows.data, plain.data)
    assert looks_like_row(around.format(line).encode())


def test_spaces_within_a_row(rng):
    line = row(bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0], layout=24, rssi=-41)
    rows = parse(line.replace(",", ", "))
    assert rows.column("rssi").tolist() == [-41] and rows.stored.tolist() == [128] and rows.mac[0] == MAC.encode()


def test_columns_before_and_after_are_followed_by_a_header_with_them(rng):
    line = row(bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0], layout=24, rssi=-41)
    swapped = line.replace(",-41,11," if ",-41,11," in line else ",-41,0,", ",0,-41,")
    names = header(24).replace("rssi,rate", "rate,rssi")
    rows = parse(f"host_time,{names},room", f"2026-01-02,{swapped},kitchen")
    assert rows.column("rssi").tolist() == [-41]
    assert parse("\ufeff" + names, swapped).column("rssi").tolist() == [-41]


def test_a_row_that_runs_into_the_next_is_none(rng):
    line = row(bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0], layout=24)
    assert not len(parse(line + line)) and not len(parse(line[:300] + line)) and not len(parse(line + "," + line))


def test_values_beyond_a_byte_are_esp_csis_alone(rng):
    values = [300, -2048, *bins_of(rng, LEGACY20, lambda k: k % 64, 64)[0][2:]]
    for layout, count in ((25, 0), (24, 1), (14, 1)):
        assert len(parse(row(values, layout=layout))) == count


def test_only_what_is_a_header_is_one():
    assert header_names(b"type,id,mac,local_timestamp,len,data") == ("type", "id", "mac", "local_timestamp", "len")
    assert header_names(b"my type,seq,local_timestamp,CSI_DATA,timestamp")[1] == "id"
    assert header_names(b"prototype,id,local_timestamp,data") is None
    assert header_names(b"type,id,mac,data") is None
    with pytest.raises(DataError, match="must name local_timestamp, len; len missing"):
        parse("type,id,mac,local_timestamp,data")
