"""Tasks in turn, by a clock that is wound by hand."""

import pytest

from ct2mr_tf.benchmark.timing import WARM_UP, Task, Times, time_in_turn


class Clock:
    """Seconds that pass only when somebody works."""

    def __init__(self):
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, *seconds: float):
        """A task that takes these times, one after the other, and writes down that it ran."""
        left = list(seconds)

        def run() -> None:
            self.now += left.pop(0)

        return run


def test_tasks_take_turns_and_the_first_rounds_do_not_count():
    clock, order = Clock(), []

    def noted(name, run):
        def both() -> None:
            order.append(name)
            run()

        return both

    slow_at_first = [9.0] * WARM_UP
    times = time_in_turn(
        {
            'a': Task(noted('a', clock.work(*slow_at_first, 1, 2, 6))),
            'b': Task(noted('b', clock.work(*slow_at_first, 8, 8, 8)), units=4),
        },
        repeats=3,
        clock=clock,
    )
    assert order == ['a', 'b'] * (WARM_UP + 3)
    assert times['a'].seconds == (1, 2, 6)
    assert times['b'].seconds == (2, 2, 2)


def test_a_task_may_bring_its_own_seconds():
    times = time_in_turn({'far': Task(lambda: 0.5, units=2)}, repeats=2, clock=Clock())
    assert times['far'].seconds == (0.25, 0.25)


def test_median_and_spread():
    times = Times((4.0, 1.0, 3.0, 2.0, 5.0))
    assert times.median == 3
    assert times.spread == pytest.approx(2 / 3)
    assert Times((2.0, 2.0)).spread == 0
