"""Every capture gets a name of its own."""

import pytest

from csi2pc.engine.naming import names_of
from csi2pc.errors import DataError


def test_as_short_as_they_differ(tmp_path):
    for name in ("a/x.csv", "a/y.csv", "a/y.dat", "b/x.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def names(*files):
        return list(names_of([tmp_path / file for file in files]))

    assert names("a/x.csv", "a/y.csv") == ["x", "y"]
    assert names("a/y.csv", "a/y.dat") == ["y.csv", "y.dat"]
    assert names("a/x.csv", "b/x.csv") == ["a-x", "b-x"]
    with pytest.raises(DataError, match="named once"):
        names("a/x.csv", "a/x.csv")
    with pytest.raises(DataError, match="at least one capture"):
        names()
