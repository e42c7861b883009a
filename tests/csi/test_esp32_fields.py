"""Values of a training field as CSI: imaginary part first, the first word left out, 12 bits put together again."""

import numpy as np
import pytest

from csi2pc.csi.esp32_fields import FIELDS, HTLTF40, LLTF, LLTF12, Place, decode, unpack


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_many_packets_equal_one_by_one(rng, field):
    tones = len(field.subcarriers)
    values = rng.integers(-3, 4, (20, 2 * tones + 6))
    place = Place(rng.permutation(tones + 3)[:tones])
    invalid = rng.random(20) < 0.5
    csi, valid = decode(values, place, field, invalid)
    for i in range(20):
        one = np.array([values[i, 2 * b + 1] + 1j * values[i, 2 * b] for b in place.bins])
        lost = place.bins < (1 if field is LLTF12 else 2)
        expected = (one != 0) & ~(lost & invalid[i])
        np.testing.assert_array_equal(valid[i], expected)
        turned = np.where(field.subcarriers > 0, -1j * one, one) if field is HTLTF40 else one
        np.testing.assert_array_equal(csi[i], np.where(expected, turned, 0))


def test_twelve_bits_are_put_together_again(rng):
    numbers = rng.integers(-2048, 2048, (7, 52))
    logged = np.stack([(numbers & 0xFF).astype(np.int8), (numbers >> 8) & 0x0F], -1).reshape(7, -1)
    np.testing.assert_array_equal(unpack(logged), numbers)
    np.testing.assert_array_equal(unpack(np.pad(logged, ((0, 0), (0, 1)))), numbers)
    packed, _ = decode(logged, Place(np.arange(26), packed=True), LLTF12, np.zeros(7, dtype=bool))
    plain, _ = decode(numbers, Place(np.arange(26)), LLTF12, np.zeros(7, dtype=bool))
    np.testing.assert_array_equal(packed, plain)


def test_nothing_is_made_up_where_nothing_was_measured():
    csi, valid = decode(np.zeros((2, 128), dtype=int), Place(LLTF.subcarriers % 64), LLTF, np.zeros(2, dtype=bool))
    assert not csi.any() and not valid.any()
