"""Which training field a stream is read by, and when a window's last packet was there."""

import numpy as np
import pytest
from esp32_log import write_log

from csi2pc.checkpoint import Checkpoint
from csi2pc.csi.esp32_fields import HELTF20, HTLTF20, HTLTF40, LLTF, LLTF12
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.engine.follow_windows import Follower, stream_for
from csi2pc.errors import DataError
from csi2pc.models.csi2pc import CSI2PC, CSI2PCConfig


def trained(captured, **prepare):
    captured = np.asarray(captured).tolist()
    prepare = {"subcarriers": captured} | prepare
    model = CSI2PC(CSI2PCConfig(links=1, subcarriers=len(prepare["subcarriers"]), points=4, width=8, heads=2,
                                encoder_layers=1, decoder_layers=1, feedforward=8))  # fmt: skip
    layout = {"rx": 1, "tx": 1, "device": "esp32", "subcarriers": captured, "captured": captured}
    return Checkpoint(model, PrepareConfig(**prepare), layout)


@pytest.mark.parametrize("field", [LLTF, LLTF12, HTLTF20, HTLTF40, HELTF20], ids=lambda field: field.name)
def test_the_field_is_the_one_the_model_was_trained_on(field):
    assert stream_for("log", trained(field.subcarriers), {}).field is field


def test_the_smallest_that_has_all_unless_another_is_asked_for():
    model = trained([-26, -10, 10, 26])
    assert stream_for("log", model, {}).field is LLTF12
    assert stream_for("log", model, {"training_field": "htltf"}).field is HTLTF20
    with pytest.raises(DataError, match="does not fit the model"):
        stream_for("log", trained([-100, 5]), {"training_field": "htltf"})


def test_between_subcarriers_only_where_the_model_interpolates():
    with pytest.raises(DataError, match="does not fit the model"):
        stream_for("log", trained([-1, 58]), {})
    assert stream_for("log", trained([-1, 58], interpolate=True), {}).field is HTLTF40


def test_a_window_arrives_with_its_last_packet(tmp_path, rng):
    lines = write_log(tmp_path / "log.csv", 1 + np.arange(300) * 0.01, rng).read_bytes().splitlines(keepends=True)
    model = trained(LLTF.subcarriers)
    follower = Follower(model, stream_for("log", model, {}), 10.0)
    windows = [window for i, line in enumerate(lines) for window in follower.feed(line, i * 0.01)]
    early = len(windows)
    windows += follower.finish()
    assert len(windows) == 30 and early >= 29
    for k, window in enumerate(windows[:early]):
        assert window.arrived == pytest.approx((10 * k + 9) * 0.01)  # it holds packets 10 k to 10 k + 9
        assert window.session == 0 and window.time == pytest.approx(1.045 + 0.1 * k)
