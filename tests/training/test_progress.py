"""What stands at the terminal, and what does not where there is none."""

import io
import logging

import pytest

from ct2mr_tf.training.progress import Meter, Progress

SUMS = {'generator/adversarial': 1.5, 'generator/l1': 0.5, 'discriminator/total': 3.0}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_meter_gives_means_over_the_steps_added():
    meter = Meter()
    meter.add({'a': 6.0, 'b': 1.0}, 3, 2.5)
    meter.add({'a': 2.0, 'b': 3.0}, 1, 1.5)
    assert meter.means() == {'a': 2.0, 'b': 1.0, 'steps_per_second': 1.0}


def test_an_unused_meter_is_empty():
    assert Meter().means() == {}


@pytest.fixture
def means() -> dict[str, float]:
    meter = Meter()
    meter.add(SUMS, 2, 0.5)
    return meter.means()


def test_a_terminal_shows_a_bar_and_no_log_lines(monkeypatch, caplog, means):
    terminal = _Terminal()
    monkeypatch.setattr('sys.stderr', terminal)
    with caplog.at_level(logging.INFO):
        progress = Progress(total=10, done=4)
        progress.advance(2, means)
        progress.log(6, means)
        progress.close()
    last = terminal.getvalue().split('\r')[-1]
    assert '6/10' in last
    assert 'generator/adversarial 0.750  generator/l1 0.250  discriminator/total 1.500' in last
    assert 'step/s' in last or 's/step' in last
    assert not caplog.messages


def test_without_a_terminal_there_are_log_lines_and_nothing_else(monkeypatch, caplog, means):
    stream = io.StringIO()
    monkeypatch.setattr('sys.stderr', stream)
    with caplog.at_level(logging.INFO):
        progress = Progress(total=10, done=0)
        progress.advance(2, means)
        progress.log(2, means)
        progress.say('a line')
        progress.close()
    assert stream.getvalue() == ''
    first, second = caplog.messages
    assert first.startswith('step 2/10  generator/adversarial 0.750  generator/l1 0.250')
    assert first.endswith('steps/s')
    assert second == 'a line'
