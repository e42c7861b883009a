"""Configurations that cannot work, and those saved before a step existed."""

import pytest

from csi2pc.config import parse, parser_for
from csi2pc.csi.prepare_config import PrepareConfig
from csi2pc.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window": 0}, "window must be at least 1 packet; got 0"),
        ({"duration": 0.0}, "duration must be more than 0 seconds; got 0"),
        ({"duration": float("nan")}, "duration must be more than 0 seconds; got nan"),
        ({"subcarriers": [1, 3, 2]}, r"strictly increasing indices; got \[1, 3, 2\]"),
        ({"subcarriers": []}, r"strictly increasing indices; got \[\]"),
        ({"max_unmeasured": 1.1}, "max_unmeasured is a share, 0 to 1; got 1.1"),
        ({"tolerance": 0.0}, "tolerance must be above 0 and at most 1 slot; got 0"),
        ({"phase": "line"}, "phase must be one of none, per_antenna, two_point, joint, .*; got 'line'"),
        ({"level": "gain"}, "level must be one of none, packet_antenna, packet, rssi, snr, agc; got 'gain'"),
        ({"channels": "iq"}, "channels must be one of amplitude_phase, log_amplitude_sin_cos; got 'iq'"),
        ({"interpolate": True}, "interpolate needs the subcarriers to interpolate to; got null"),
        ({"reference_antenna": -1}, "reference_antenna must be 0 or more; got -1"),
        ({"level_dbm": float("inf")}, "level_dbm must be a finite power in dBm; got inf"),
        ({"hampel": -1}, r"hampel must be 0 \(off\) or more packets.*; got -1 and 3"),
        ({"hampel_threshold": 0.0}, r"hampel_threshold more than 0; got 0 and 0"),
        ({"max_gap": 0.0}, "max_gap must be more than 0 seconds; got 0"),
        ({"rate": 0.0}, "rate must be more than 0 packets a second, or null; got 0"),
        ({"rate": float("nan")}, "rate must be more than 0 packets a second, or null; got nan"),
        ({"smoothing": "savitzky_golay", "smoothing_window": 10}, "window must be odd, to have a middle; got 10"),
        ({"smoothing": "savitzky_golay", "smoothing_order": 11}, "order must be 0 to window - 1 = 10; got 11"),
        ({"smoothing": "butterworth"}, "butterworth needs packets at equal steps; got rate: null"),
        ({"smoothing": "butterworth", "rate": 40.0}, "below half the rate, 20 Hz; got 20 Hz: lower it"),
        ({"smoothing": "butterworth", "rate": 100.0, "smoothing_order": 0}, "order must be at least 1; got 0"),
        ({"rate": 100.0, "phase": "none"}, "mix packets, whose phase under phase: none is random; choose"),
        (
            {"smoothing": "savitzky_golay", "smoothed": "complex", "phase": "joint_slope"},
            "mix packets, whose phase under phase: joint_slope is random; choose",
        ),
    ],
)
def test_impossible_configurations_are_refused(values, message):
    with pytest.raises(ConfigError, match=message):
        PrepareConfig(**values)


def test_the_command_line_can_set_every_field():
    arguments = ["--subcarriers=[-2, 2]", "--phase=joint", "--window=20", "--rate=50", "--smoothing=savitzky_golay"]
    parser = parser_for(PrepareConfig, description="")
    config, _ = parse(parser, PrepareConfig, arguments)
    expected = {"phase": "joint", "window": 20, "rate": 50.0, "smoothing": "savitzky_golay"}
    assert config == PrepareConfig(subcarriers=[-2, 2], **expected)
    with pytest.raises(ConfigError, match="phase"):
        parse(parser, PrepareConfig, ["--phase=line"])


def test_settings_saved_before_there_were_filters_in_time_mean_none():
    saved = {
        "window": 10, "duration": 0.1, "subcarriers": [-2, 2], "phase": "per_antenna", "level": "packet_antenna",
        "channels": "log_amplitude_sin_cos", "max_unmeasured": 0.5, "tolerance": 0.5,
    }  # fmt: skip
    config = PrepareConfig(**saved)
    assert not config.filters_time and not config.interpolate and config.receivers(3) == 3


def test_the_reach_of_smoothing():
    assert PrepareConfig().smoothing_reach == 0
    assert PrepareConfig(smoothing="savitzky_golay", smoothing_window=7).smoothing_reach == 3
    slow, fast = (
        PrepareConfig(smoothing="butterworth", rate=100.0, cutoff=cutoff).smoothing_reach for cutoff in (2.0, 20.0)
    )
    assert slow > 5 * fast > 0
