"""What a person at the terminal sees of a run: a bar that moves, or a line a log interval."""

import logging
import sys

import tqdm


class Meter:
    """Means of scalars, and steps per second of training alone, since it was made."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = 0
        self._seconds = 0.0

    def add(self, sums: dict[str, float], steps: int, seconds: float) -> None:
        """Adds the sums of named scalars over some steps, and how long those took."""
        self._sums = {name: self._sums.get(name, 0.0) + value for name, value in sums.items()}
        self._steps += steps
        self._seconds += seconds

    def means(self) -> dict[str, float]:
        """The mean of each scalar over the steps added, and 'steps_per_second'; at first, empty."""
        if not self._steps:
            return {}
        means = {name: value / self._steps for name, value in self._sums.items()}
        return {**means, 'steps_per_second': self._steps / self._seconds}


class Progress:
    """A bar with steps, losses, steps/s and time left; log lines where there is no terminal.

    Where it is not to be shown, since another process shows the same, it is silent.
    """

    def __init__(self, total: int, done: int, shown: bool = True):
        terminal = shown and sys.stderr.isatty()
        self._shown = shown
        self._bar = tqdm.tqdm(total=total, initial=done, unit='step', disable=not terminal)
        self._total = total

    def advance(self, steps: int, means: dict[str, float]) -> None:
        """Moves the bar by some steps and shows the main losses beside it."""
        self._bar.set_postfix_str(_losses(means), refresh=False)
        self._bar.update(steps)

    def log(self, step: int, means: dict[str, float]) -> None:
        """Says the losses of an interval, where no bar shows them."""
        if self._shown and self._bar.disable:
            rate = means['steps_per_second']
            logging.info('step %d/%d  %s  %.2f steps/s', step, self._total, _losses(means), rate)

    def say(self, text: str) -> None:
        """Prints a line without breaking the bar."""
        if not self._shown:
            return
        with self._bar.external_write_mode():
            logging.info('%s', text)

    def close(self) -> None:
        """Ends the bar."""
        self._bar.close()


def _losses(means: dict[str, float]) -> str:
    parts = ('generator/adversarial', 'generator/l1', 'discriminator/total')
    return '  '.join(f'{name} {means[name]:.3f}' for name in parts)
