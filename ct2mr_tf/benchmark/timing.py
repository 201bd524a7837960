"""Several things timed in turn, so that a machine that slows down slows all of them.

A machine that is shared or grows hot has other speeds from minute to minute. Figures taken one
after the other then cannot be compared; figures of A B C A B C can, by their medians.
"""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping

WARM_UP = 2
"""Rounds that do not count: the first traces and compiles, the second fills what is reused."""


@dataclasses.dataclass(frozen=True)
class Task:
    """Something to be timed.

    Attributes:
        run: does it once and returns when it is done: None, or the seconds it took by its own
            clock (another process's work, or its own without how a turn begins).
        units: what it does in one run, such as steps or pairs; times are for one of them.
    """

    run: Callable[[], float | None]
    units: float = 1.0


@dataclasses.dataclass(frozen=True)
class Times:
    """What a task took in every round.

    Attributes:
        seconds: for one unit, in the order of the rounds.
    """

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one, seconds."""
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """From the lower to the upper quartile, as a share of the median: how quiet it was."""
        lower, _, upper = statistics.quantiles(self.seconds, n=4, method='inclusive')
        return (upper - lower) / self.median


def time_in_turn(
    tasks: Mapping[str, Task], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Times]:
    """Runs every task once a round, and every round but the first ones counts.

    Args:
        tasks: by name, in the order to run them.
        repeats: rounds that count, at least 2.
        clock: seconds since any moment.

    Returns:
        The times of each task.
    """
    taken: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(-WARM_UP, repeats):
        for name, task in tasks.items():
            started = clock()
            own = task.run()
            seconds = clock() - started if own is None else own
            if number >= 0:
                taken[name].append(seconds / task.units)
    return {name: Times(tuple(seconds)) for name, seconds in taken.items()}
