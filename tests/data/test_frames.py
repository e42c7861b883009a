from __future__ import annotations

import copy

import pytest

from csi2pc.data.frames import FrameError
from csi2pc.errors import DataError


def test_a_frame_error_is_a_data_error_that_keeps_its_reason_across_processes():
    error = FrameError("unreadable depth file", "a.png is cut short")
    again = copy.copy(error)  # by the same route as pickling
    assert (again.reason, str(again)) == ("unreadable depth file", "a.png is cut short")
    with pytest.raises(DataError, match="cut short"):
        raise again
