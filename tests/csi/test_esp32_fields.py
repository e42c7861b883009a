"""Espressif's table of training fields: which are found at which total length, and that nothing is guessed."""

import numpy as np
import pytest

from csi2pc.csi.esp32_fields import HTLTF20, HTLTF40, LLTF, PacketKind, locate

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
    for field, bins in found.items():
        assert len(bins) == len(field.subcarriers) == len(set(bins.tolist()))
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
    legacy = np.zeros((3, 64, 2), dtype=np.int8)
    legacy[:, LLTF.subcarriers + 32] = 1
    assert list(fields(1, 0, 0, ABOVE, 128, values=legacy.reshape(3, 128))) == [LLTF]
