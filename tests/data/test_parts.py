from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csi2pc.data.parts import refuse_overlap, take_validation
from csi2pc.errors import ConfigError, DataError


@given(count=st.integers(0, 40), share=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_validation_is_a_share_of_whole_sequences(count, share, seed):
    names = [f"s{i}" for i in range(count)]
    training, validation = take_validation(names, share=share, seed=seed)
    assert sorted(training + validation) == sorted(names)
    if count < 2 or share == 0:
        assert validation == []
    else:
        assert training and len(validation) == min(max(1, round(share * count)), count - 1)
    reversed_training, reversed_validation = take_validation(names[::-1], share=share, seed=seed)
    assert set(reversed_validation) == set(validation)
    assert reversed_training == training[::-1]


def test_the_seed_decides():
    names = [f"s{i}" for i in range(40)]
    draws = {tuple(take_validation(names, share=0.2, seed=seed)[1]) for seed in range(5)}
    assert len(draws) == 5


def test_every_group_gives_its_share():
    names = [f"{session}/{i}" for session in "abc" for i in range(6)]
    groups = [name[0] for name in names]
    _, validation = take_validation(names, share=0.1, seed=0, groups=groups)
    assert [name[0] for name in validation] == ["a", "b", "c"]
    _, validation = take_validation(["a/1", "b/1", "c/1"], share=0.1, seed=0, groups=["a", "b", "c"])
    assert len(validation) == 1  # groups of one: all together are one group
    _, validation = take_validation(["a/1", "b/1", "b/2"], share=0.1, seed=0, groups=["a", "b", "b"])
    assert validation[0][0] == "b"


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ConfigError, match="validation_share"):
        take_validation(["a", "b"], share=share, seed=0)


def test_overlap_is_refused_by_name():
    refuse_overlap({"train": ["a", "a", "b"], "validation": [], "test": ["c"]})
    with pytest.raises(DataError, match="train and test share 1: b"):
        refuse_overlap({"train": ["a", "b"], "validation": ["d"], "test": ["b", "c"]})
    with pytest.raises(DataError, match="validation and test"):
        refuse_overlap({"train": ["a"], "validation": ["d"], "test": ["d"]})
