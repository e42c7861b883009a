import pytest

from csi2pc import errors


def test_an_optional_package_that_is_missing_names_the_extra():
    assert errors.require_package("json", extra="test").dumps([]) == "[]"
    with pytest.raises(errors.ConfigError, match=r"'no_such_package'.*pip install 'csi2pc\[extra\]'"):
        errors.require_package("no_such_package", extra="extra")


def test_everything_refused_on_purpose_is_one_kind_of_error():
    named = [errors.DataError, errors.ShapeError, errors.ConfigError, errors.CheckpointError, errors.TrainingError]
    assert all(issubclass(error, errors.CSI2PCError) for error in [*named, errors.Interrupted])
