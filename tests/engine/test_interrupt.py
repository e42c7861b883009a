import signal

import pytest

from csi2pc.engine.interrupt import StopRequest


def test_the_first_signal_asks_and_the_second_interrupt_acts():
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.asked
        signal.raise_signal(signal.SIGINT)


def test_termination_may_be_asked_for_more_than_once():
    with StopRequest() as stop:
        assert not stop.asked
        for _ in range(3):
            signal.raise_signal(signal.SIGTERM)
        assert stop.asked


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in StopRequest.SIGNALS]
    with StopRequest():
        assert [signal.getsignal(number) for number in StopRequest.SIGNALS] != before
    assert [signal.getsignal(number) for number in StopRequest.SIGNALS] == before
