from __future__ import annotations

import csv

import numpy as np
import pytest

from csi2pc.data.mmfi import ACTIONS, SUBJECTS, scene_of
from csi2pc.data.mmfi_splits import PROTOCOLS, SPLITS, membership, split_present
from csi2pc.errors import ConfigError, DataError

ALL = {f"{scene_of(s)}/{s}/{a}" for s in SUBJECTS for a in ACTIONS}


def test_the_sequences_are_those_of_the_official_table(real_data):
    with open(real_data / "mmfi" / "MMFi_action_segments.csv", encoding="utf-8-sig", newline="") as file:
        table = {"/".join(row[:3]) for row in list(csv.reader(file))[1:]}
    assert table == ALL


def test_protocols_are_the_official_actions(real_data):
    with open(real_data / "mmfi" / "MMFi_act.csv", encoding="utf-8-sig", newline="") as file:
        kinds = {row["Activity"]: row["Category"] for row in csv.DictReader(file, delimiter="\t")}
    assert set(PROTOCOLS["P1"]) == {action for action, kind in kinds.items() if kind.startswith("Daily")}
    assert set(PROTOCOLS["P2"]) == {action for action, kind in kinds.items() if kind.startswith("Rehab")}
    assert (len(PROTOCOLS["P1"]), len(PROTOCOLS["P2"]), len(PROTOCOLS["P3"])) == (14, 13, 27)


@pytest.mark.parametrize(
    ("protocol", "split", "train", "test"),
    [
        ("P3", "S1", 864, 216), ("P3", "S2", 864, 216), ("P3", "S3", 810, 270),
        ("P1", "S1", 448, 112), ("P1", "S2", 448, 112), ("P1", "S3", 420, 140),
        ("P2", "S1", 416, 104), ("P2", "S2", 416, 104), ("P2", "S3", 390, 130),
    ],
)  # fmt: skip
def test_sizes_and_disjointness(protocol, split, train, test):
    training, testing = membership(protocol, split)
    assert (len(training), len(testing)) == (train, test)
    assert not set(training) & set(testing)
    assert set(training) | set(testing) == {name for name in ALL if name.split("/")[2] in PROTOCOLS[protocol]}


def test_random_split_draws_subjects_anew_for_each_action_of_the_protocol():
    for protocol in PROTOCOLS:
        testing = set(membership(protocol, "S1")[1])
        for number, action in enumerate(PROTOCOLS[protocol]):
            np.random.seed(number)  # as the official toolbox does it: global state, one seed an action
            order = np.random.permutation(40)
            expected = {f"S{i + 1:02d}" for i in order[32:]}
            assert {name.split("/")[1] for name in testing if name.endswith(action)} == expected
    assert membership("P3", "S1", seed=1) != membership("P3", "S1")


def test_cross_subject_and_cross_scene():
    assert {n.split("/")[1] for n in membership("P3", "S2")[1]} == {f"S{i:02d}" for i in range(5, 41, 5)}
    assert {n.split("/")[0] for n in membership("P3", "S3")[1]} == {"E04"}
    assert {n.split("/")[0] for n in membership("P3", "S3")[0]} == {"E01", "E02", "E03"}


def test_what_is_present_keeps_its_official_part():
    training, testing = membership("P3", "S2")
    present = training[::7] + testing[::5]
    assert split_present(present, "P3", "S2") == (training[::7], testing[::5])


def test_an_empty_part_names_what_is_there_and_what_would_work():
    present = [f"E01/{s}/A01" for s in ("S04", "S05", "S06")]
    with pytest.raises(DataError, match="S04, S05, S06.*P2 S2; .*P3 S2") as caught:
        split_present(present, "P3", "S3")
    assert "P1 S2" not in str(caught.value)
    with pytest.raises(DataError, match="No official split"):
        split_present(["E01/S01/A01"], "P3", "S2")


@pytest.mark.parametrize(("protocol", "split"), [("P4", "S1"), ("P1", "S0")])
def test_unknown_names_are_refused(protocol, split):
    with pytest.raises(ConfigError, match="P1, P2, P3.*S1, S2, S3"):
        membership(protocol, split)
    assert set(SPLITS) == {"S1", "S2", "S3"}
