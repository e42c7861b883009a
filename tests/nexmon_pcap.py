"""Captures of Nexmon datagrams written by hand, pcap and pcapng."""

import struct

import numpy as np

#: 20, 40 and 80 MHz, and their centre frequencies.
CHANSPECS = {64: (0x1006, 2437e6), 128: (0xD82E, 5230e6), 256: (0xE29B, 5775e6)}
MAC = bytes.fromhex("001a2b3c4d5e")


def datagram(words, *, sequence=16, core=0, stream=0, chip=101, chanspec=None, header="first", mac=MAC, port=5500):
    """An Ethernet packet with one UDP datagram of Nexmon. ``words`` uint32."""
    chanspec = CHANSPECS[len(words)][0] if chanspec is None else chanspec
    tail = struct.pack("<HHH", core | stream << 3, chanspec, chip) + words.astype("<u4").tobytes()
    if header == "first":
        payload = b"\x11\x11\x11\x11" + mac + struct.pack("<H", sequence) + tail
    elif header == "rssi":
        payload = b"\x11\x11" + struct.pack("<bB", -57, 0x88) + mac + struct.pack("<H", sequence) + tail
    else:
        macs = bytes(6) + mac + bytes(6)
        payload = b"\x11\x11\x11\x11" + macs + struct.pack("<HHb", 0x88, sequence, -57) + b"\xff" * 18 + tail
    udp = struct.pack(">HHHH", 5500, port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 1, 17, 0, b"\n" * 4, b"\xff" * 4)
    return ip + udp


ETHERNET = b"\xff" * 6 + b"NEXMON" + b"\x08\x00"


def pcap(packets, *, order="<", nano=False, link=1, times=None):
    """A pcap file of IP packets, 10 ms apart."""
    before = {1: ETHERNET, 101: b"", 113: bytes(14) + b"\x08\x00"}[link]
    out = [struct.pack(f"{order}IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)]
    for i, packet in enumerate(packets):
        time = 10 * i if times is None else times[i]
        whole = before + packet
        parts = time % 1000 * (10**6 if nano else 10**3)
        out += [struct.pack(f"{order}IIII", 1700000000 + time // 1000, parts, len(whole), len(whole)), whole]
    return b"".join(out)


def pcapng(packets, *, order="<", resolution=None):
    """A pcapng file of IP packets, 10 ms apart."""

    def block(kind, body):
        body += bytes(-len(body) % 4)
        length = struct.pack(f"{order}I", len(body) + 12)
        return struct.pack(f"{order}I", kind) + length + body + length

    options = b"" if resolution is None else struct.pack(f"{order}HHB3xHH", 9, 1, resolution, 0, 0)
    ticks = 10 ** (6 if resolution is None else resolution)
    out = [block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))]
    out.append(block(1, struct.pack(f"{order}HHI", 1, 0, 0) + options))
    for i, packet in enumerate(packets):
        whole = ETHERNET + packet
        time = (1700000000 * 100 + i) * ticks // 100
        head = struct.pack(f"{order}IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(whole), len(whole))
        out.append(block(6, head + whole))
        out.append(block(5, bytes(12)))  # statistics, as Wireshark writes
    return b"".join(out)


def integers(rng, tones=64):
    return rng.integers(-8192, 8192, (tones, 2)).astype("<i2").view("<u4")[:, 0]


def floats(rng, number_format, tones=64):
    return rng.integers(0, 1 << number_format.width, tones, dtype=np.uint32)
