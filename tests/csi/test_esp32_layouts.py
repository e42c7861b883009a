"""Which training fields are found at which length: by Espressif's table, or by the bins that packets leave empty."""

import numpy as np
import pytest

from csi2pc.csi.esp32_fields import HELTF20, HTLTF20, HTLTF40, LLTF, LLTF12
from csi2pc.csi.esp32_layouts import PacketKind, locate
from csi2pc.csi.esp32_rows import UNKNOWN

NONE, ABOVE, BELOW = 0, 1, 2


def fields(sig_mode, bandwidth, stbc, secondary, length, stored=None, values=None):
    stored = length if stored is None else stored
    values = np.ones((3, stored), dtype=np.int8) if values is None else values
    return locate(PacketKind(sig_mode, bandwidth, stbc, secondary, length, stored), values)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ((0, 0, 0, NONE, 128), [LLTF]), ((1, 0, 0, NONE, 256), [LLTF, HTLTF20]),
        ((1, 0, 1, NONE, 384), [LLTF, HTLTF20]),
        ((0, 0, 0, BELOW, 128), [LLTF]), ((1, 0, 0, BELOW, 256), [LLTF]), ((1, 0, 1, BELOW, 380), [LLTF]),
        ((1, 1, 0, BELOW, 384), [LLTF, HTLTF40]), ((1, 1, 1, BELOW, 612), [LLTF, HTLTF40]),
        ((0, 0, 0, ABOVE, 128), [LLTF]), ((1, 0, 0, ABOVE, 256), [LLTF]), ((1, 0, 1, ABOVE, 376), [LLTF]),
        ((1, 1, 0, ABOVE, 384), [LLTF, HTLTF40]), ((1, 1, 1, ABOVE, 612), [LLTF, HTLTF40]),
    ],
)  # fmt: skip
def test_the_documented_table(kind, expected):
    found = fields(*kind)
    assert list(found) == expected
    for field, place in found.items():
        bins = place.bins
        assert not place.packed and len(bins) == len(field.subcarriers) == len(set(bins.tolist()))
        assert 0 <= bins.min() and 2 * (bins.max() + 1) <= kind[-1]


@pytest.mark.parametrize(
    "kind", [(2, 0, 0, NONE, 128), (1, 2, 0, NONE, 256), (0, 1, 0, ABOVE, 384), (1, 0, 0, 3, 256), (1, 0, 0, NONE, 234)]
)
def test_unknown_kinds_give_nothing(kind):
    assert fields(*kind) == {}


def test_a_log_that_stores_the_first_field_only():
    assert list(fields(1, 1, 0, ABOVE, 384, stored=128)) == [LLTF]
    assert fields(1, 1, 0, ABOVE, 384, stored=256) == {}
    assert fields(1, 1, 0, ABOVE, 384, stored=126) == {}
    assert fields(0, 0, 0, NONE, 128, stored=256) == {}


def test_a_lone_ht_field_whose_order_is_not_known_is_not_offered():
    assert list(fields(1, 0, 0, NONE, 128)) == [HTLTF20]
    assert fields(1, 0, 0, ABOVE, 128) == {}
    assert list(fields(1, 0, 0, ABOVE, 128, values=using((64, LLTF.subcarriers + 32)))) == [LLTF]


def using(*parts, leak=0):
    """Values of a few packets in which, of each part of so many bins, the given ones are in use."""
    bins = [np.zeros((5, count, 2), dtype=np.int16) for count, _ in parts]
    for values, (_, used) in zip(bins, parts, strict=True):
        values[:, (used + 1) % values.shape[1]] = values[:, used - 1] = leak
        values[:, used] = 40
    return np.concatenate(bins, axis=1).reshape(5, -1)


@pytest.mark.parametrize("leak", [0, 1])
@pytest.mark.parametrize(
    ("secondary", "stbc", "count"), [(BELOW, 0, 64), (ABOVE, 0, 64), (BELOW, 1, 63), (ABOVE, 1, 62)]
)
@pytest.mark.parametrize("centre", [32, 30, 0])
def test_ht20_beside_a_secondary_channel_is_found_by_its_empty_bins(secondary, stbc, count, centre, leak):
    bins = (HTLTF20.subcarriers + centre) % count
    if bins.max() + (centre > 0) >= count:
        pytest.skip("subcarriers do not fit in so many bins around that centre")
    parts = [(64, LLTF.subcarriers + 32), *[(count, bins)] * (1 + stbc)]
    values = using(*parts, leak=leak)
    found = fields(1, 0, stbc, secondary, values.shape[1], values=values)
    assert list(found) == [LLTF, HTLTF20]
    np.testing.assert_array_equal(found[HTLTF20].bins, 64 + bins)


def wrapped(field, count):
    return count, field.subcarriers % count


def centred(field, count, centre=None):
    return count, field.subcarriers + (count // 2 if centre is None else centre)


UNNAMED = [
    ([centred(LLTF, 53)], {LLTF: 0}), ([wrapped(LLTF, 53)], {LLTF: 0}),
    ([centred(HTLTF20, 57)], {HTLTF20: 0}), ([wrapped(HTLTF20, 57)], {HTLTF20: 0}),
    ([centred(HTLTF20, 57)] * 2, {HTLTF20: 0}), ([centred(HTLTF40, 117)], {HTLTF40: 0}),
    ([centred(HTLTF40, 117)] * 2, {HTLTF40: 0}), ([wrapped(HTLTF40, 117)], {HTLTF40: 0}),
    ([centred(HELTF20, 245)], {HELTF20: 0}), ([wrapped(HELTF20, 245)], {HELTF20: 0}),
    ([centred(HELTF20, 256)], {HELTF20: 0}), ([centred(HTLTF40, 128)] * 2, {HTLTF40: 0}),
    ([centred(HTLTF40, 128)], {HTLTF40: 0}), ([wrapped(HTLTF40, 128)], {HTLTF40: 0}),
    ([centred(HTLTF20, 64)], {HTLTF20: 0}), ([centred(HTLTF20, 64)] * 2, {HTLTF20: 0}),
    ([wrapped(LLTF, 64)], {LLTF: 0}), ([centred(LLTF, 64)], {LLTF: 0}), ([wrapped(HTLTF20, 64)], {HTLTF20: 0}),
    ([wrapped(LLTF, 64), wrapped(HTLTF20, 64)], {LLTF: 0, HTLTF20: 64}),
    ([centred(LLTF, 64), centred(HTLTF20, 64)], {LLTF: 0, HTLTF20: 64}),
    ([centred(LLTF, 64), centred(HTLTF20, 64, 30)], {LLTF: 0, HTLTF20: 64}),
    ([wrapped(LLTF, 64), *[wrapped(HTLTF20, 64)] * 2], {LLTF: 0, HTLTF20: 64}),
    ([centred(LLTF, 64), wrapped(HTLTF40, 128)], {LLTF: 0, HTLTF40: 64}),
    ([centred(LLTF, 64), *[wrapped(HTLTF40, 121)] * 2], {LLTF: 0, HTLTF40: 64}),
]  # fmt: skip


@pytest.mark.parametrize("leak", [0, 1])
@pytest.mark.parametrize(("parts", "expected"), UNNAMED)
def test_logs_that_name_no_mode(parts, expected, leak):
    values = using(*parts, leak=leak)
    if leak and parts[0][0] in (53, 57, 117, 245):
        values = using(*parts)  # nothing but the centre tells the order where there are no guard bins
    found = fields(*[UNKNOWN] * 4, values.shape[1], values=values)
    assert list(found) == list(expected)
    used = {field: bins for field, (_, bins) in zip(expected, parts, strict=False)}
    for field, start in expected.items():
        np.testing.assert_array_equal(found[field].bins, start + used[field])


def test_twelve_bits(rng):
    """26 subcarriers, in two bytes each (106 bytes are logged) or as the 52 numbers that esp-csi makes of them."""
    assert fields(*[UNKNOWN] * 4, 52)[LLTF12].packed is False
    raw = rng.integers(-128, 128, (20, 106))
    raw[:, 1::2] = rng.choice([0, 1, 14, 15], (20, 53))
    found = fields(*[UNKNOWN] * 4, 106, values=raw)
    assert list(found) == [LLTF12] and found[LLTF12].packed
    assert LLTF12.subcarriers.tolist() == [*range(-26, 0, 2), *range(2, 27, 2)]


def test_without_guard_bins_the_order_is_ascending_unless_the_centre_says_otherwise(rng):
    for field, count in ((LLTF, 53), (HTLTF20, 57)):
        found = fields(*[UNKNOWN] * 4, 2 * count, values=rng.integers(-99, -1, (4, 2 * count)))
        np.testing.assert_array_equal(found[field].bins, field.subcarriers + count // 2)


def test_values_that_fit_nothing_are_not_offered(rng):
    for count in (2, 51, 52 * 2, 128, 200, 256, 384, 512):
        assert fields(*[UNKNOWN] * 4, count, values=rng.integers(-99, -1, (4, count))) == {}
    for count in (106, 114, 128, 256, 384, 490, 512):
        assert fields(*[UNKNOWN] * 4, count, values=np.zeros((4, count), dtype=np.int16)) == {}
    assert fields(*[UNKNOWN] * 4, 128, stored=106) == {}
