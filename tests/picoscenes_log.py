"""Writes PicoScenes logs with segments of any version, after PicoScenes' open parsing library."""

import struct

import numpy as np

INTEL5300, QCA9300, AX200, AX210, USRP = 0x5300, 0x9300, 0x2000, 0x2100, 0x1234
MAGIC = 0x20150315


def segment(name, version, content, *, closing_zero=False):
    """A segment; later versions count a closing zero of the name."""
    letters = name.encode() + b"\0" * closing_zero
    body = bytes([len(letters)]) + letters + struct.pack("<H", version) + content
    return struct.pack("<I", len(body)) + body


def frame(segments, packet=b"", *, version=1, magic=MAGIC):
    body = struct.pack("<IHB", magic, version, len(segments)) + b"".join(segments) + packet
    return struct.pack("<I", len(body)) + body


def basic(
    version, *, device=INTEL5300, ticks=0, system=0, center=2437, kind=1, width=20, mcs=3, rx=2, noise=-90,
    rssi=-60, chains=(-62, -64, 0),
):  # fmt: skip
    """RxSBasic; RSSI in dBm whatever the version."""
    floor = noise if version < 3 else 0
    levels = struct.pack("<bb", noise, rssi - floor)
    chains = [level - floor if level else 0 for level in (*chains, *[0] * 8)]
    levels += struct.pack(f"<{8 if version > 4 else 3}b", *chains[: 8 if version > 4 else 3])
    streams = struct.pack("<HBBBB", 800, mcs, 1, 0, rx)
    users = struct.pack("<BB", 1, 0) if version > 1 else b""
    clock = struct.pack("<HQ", device, ticks) + (struct.pack("<Q", system) if version > 3 else b"")
    if version < 3:
        return clock + struct.pack("<hbH", center, kind, width) + streams + users + levels
    centers = struct.pack("<hh", center, center) if version > 4 else struct.pack("<h", center)
    return clock + centers + struct.pack("<hHbH", center, width, kind, width) + streams + users + levels


def csi(
    version, body, *, device=INTEL5300, kind=1, width=20, carrier=2_437_000_000, spacing=312_500, tones=30, tx=1, rx=2,
    extra=0, csis=1, antenna_sel=0, offset=0, firmware=68, size=None,
):  # fmt: skip
    """The CSI segment's content."""
    head = struct.pack("<H", device) + (bytes([firmware]) if version > 3 else b"")
    head += struct.pack("<bHQ", kind, width, carrier)
    head += struct.pack("<Q?", carrier, False) if version > 4 else b""
    head += struct.pack("<QIHBBB", width * 1_000_000, spacing, tones, tx, rx, extra)
    head += struct.pack("<H", csis) if version > 2 else b""
    head += bytes([antenna_sel]) + (struct.pack("<h", offset) if version > 1 else b"")
    return head + struct.pack("<I", len(body) if size is None else size) + body


def extra_info(*, agc=None, antenna_sel=None, power=20):
    """ExtraInfo with length, version, transmit power and, where given, AGC and antenna selection."""
    code, body = 0b11 | 1 << 9, struct.pack("<HQB", 0, 0x20210712, power)
    if agc is not None:
        code, body = code | 1 << 19, body + bytes([agc])
    if antenna_sel is not None:
        code, body = code | 1 << 20, body + bytes([antenna_sel])
    return struct.pack("<I", code) + body


def mpdu(source=b"\x02\x11\x22\x33\x44\x55", sequence=7, *, control=0x0008, length=60):
    """A received packet: an 802.11 header and a body."""
    header = struct.pack("<HH6s6s6sH", control, 0, b"\xff" * 6, source, b"\xff" * 6, sequence << 4)
    return (header + bytes(length))[:length]


def bits(numbers, width):
    """Numbers of ``width`` bits one after another, lowest bit first, filled up to whole bytes."""
    numbers = np.asarray(numbers, dtype=np.int64)
    spread = (numbers[:, None] >> np.arange(width) & 1).astype(np.uint8).ravel()
    return np.packbits(spread, bitorder="little").tobytes()


def intel5300_body(values):
    """Complex ``(30, rx, tx)`` as the card packs it: three bits before each tone, then 8 + 8 bits a link."""
    stream = []
    for tone in np.asarray(values):
        stream += [0, 0, 0]
        for value in tone.ravel():
            for part in (int(value.real), int(value.imag)):
                stream += [part >> bit & 1 for bit in range(8)]
    return np.packbits(np.array(stream, dtype=np.uint8), bitorder="little").tobytes()


def qca9300_body(values):
    """Complex ``(tones, tx, rx)``, 10 bits each, imaginary part first."""
    flat = np.asarray(values).ravel()
    return bits(np.stack([flat.imag, flat.real], 1).ravel().astype(np.int64), 10)


def matrix_body(indices, values, *, version=2, number="<c16", order="C"):
    """A software radio's: indices, then complex ``(tones, tx, rx, ...)`` with their description."""
    values = np.asarray(values).astype(number)
    letter, size = {"<c16": (b"D", 64), "<c8": (b"F", 32)}[number]
    lengths = b"".join(struct.pack("<I" if version == 1 else "<Q", length) for length in values.shape)
    heading = f"BBv{version}".encode() + bytes([values.ndim]) + lengths + b"C" + letter + bytes([size]) + order.encode()
    flat = values.ravel(order="F" if order == "C" else "C")
    return np.asarray(indices, dtype="<i2").tobytes() + heading + flat.tobytes()


def intel5300_values(rng, rx=2, tx=1):
    """Complex integers ``(30, rx, tx)`` of 8 bits, none 0."""
    return rng.integers(1, 128, (30, rx, tx)) + 1j * rng.integers(-128, 128, (30, rx, tx))


def log(rng, *, packets=20, basic_version=1, csi_version=2):
    """A log of an Intel 5300: its frames, 10 ms apart, and the values ``(packets, 30, 2, 1)``."""
    made = np.stack([intel5300_values(rng) for _ in range(packets)])
    frames = [
        frame(
            [
                segment("RxSBasic", basic_version, basic(basic_version, ticks=10_000_000 + 10_000 * i)),
                segment("ExtraInfo", 1, extra_info(agc=40, antenna_sel=4)),
                segment("CSI", csi_version, csi(csi_version, intel5300_body(one), antenna_sel=4)),
            ],
            mpdu(sequence=i),
        )
        for i, one in enumerate(made)
    ]
    return frames, made
