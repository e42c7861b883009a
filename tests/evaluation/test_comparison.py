import json

import pytest
from compared import comparison

from csi2pc.errors import DataError
from csi2pc.evaluation.compared_runs import compare_runs
from csi2pc.evaluation.comparison import read_comparison, write_comparison


@pytest.fixture
def saved(tmp_path):
    summary = compare_runs(comparison(b=0.02), reference="a", resamples=1000)
    write_comparison(tmp_path / "comparison.json", summary)
    return tmp_path / "comparison.json", summary


def test_round_trip(saved):
    path, summary = saved
    assert read_comparison(path) == summary


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c.update(version=99),
        lambda c: c.pop("scores"),
        lambda c: c.update(extra=1),
        lambda c: c["scores"][0].update(mean="low"),
        lambda c: c["scores"][0].update(seeds=["a"]),
        lambda c: c["differences"][0].pop("standing"),
        lambda c: c.update(part="some"),
        lambda c: c.update(groups={"made": "many"}),
        lambda c: c.update(variants="ab"),
        lambda c: c.update(resamples=10**13),
        lambda c: c.update(confidence=2.0),
        lambda c: c.update(by="frame"),
        lambda c: c["scores"].append(1),
    ],
)
def test_what_is_not_a_comparison_of_this_version_is_refused(saved, spoil):
    path, _ = saved
    content = json.loads(path.read_text())
    spoil(content)
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="a comparison must be a file saved by this version"):
        read_comparison(path)


def test_nan_is_not_json(saved):
    path, _ = saved
    path.write_text(path.read_text().replace('"confidence": 0.95', '"confidence": NaN'))
    with pytest.raises(DataError, match="NaN is not JSON"):
        read_comparison(path)


def test_the_first_files_of_this_version_are_read(saved):
    path, summary = saved
    content = json.loads(path.read_text())
    for score in content["scores"]:
        del score["silent"]
    path.write_text(json.dumps(content))
    assert read_comparison(path) == summary
