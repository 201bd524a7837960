"""The table of a benchmark: figures made from times, and what they are shares of."""

import dataclasses
from collections.abc import Iterator, Mapping

from ct2mr_tf.benchmark.multiply_adds import FLOP, MultiplyAdds
from ct2mr_tf.benchmark.timing import Times

BATCHES = (1, 8)
"""Slices synthesised at once."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        what: was measured or computed.
        value: the figure.
        unit: of the figure; empty for ratios.
        note: what it is to be read with.
    """

    what: str
    value: float
    unit: str
    note: str = ''


@dataclasses.dataclass(frozen=True)
class Measured:
    """All that the table is made from.

    Attributes:
        times: by name: 'product P', 'step P', 'loop P', 'keras P N', 'served P N' for a precision P
            and N slices at once, 'pipeline', 'torch step', 'torch N'. What was left out is missing.
        product_flop: floating-point operations of the matrix product.
        needed: multiply-adds of the networks.
        precisions: measured; the first is what the others are compared with.
    """

    times: Mapping[str, Times]
    product_flop: float
    needed: MultiplyAdds
    precisions: tuple[str, ...]

    def median(self, name: str) -> float | None:
        """The median of a task in seconds, None where it was not measured."""
        return self.times[name].median if name in self.times else None


def table(measured: Measured) -> list[Row]:
    """All figures, in reading order."""
    gflop = FLOP * measured.needed.slice / 1e9, FLOP * measured.needed.step / 1e9
    rows = [
        Row('one slice needs', gflop[0], 'GFLOP', 'convolutions of the generator, forward'),
        Row('one step needs', gflop[1], 'GFLOP', 'convolutions, with their gradients'),
    ]
    for precision in measured.precisions:
        rows += _of_precision(measured, precision, *gflop)
    for precision in measured.precisions[1:]:
        rows += _beside_first(measured, precision)
    rows += _of_pipeline(measured)
    rows += _against_torch(measured)
    return rows


def _of_precision(
    measured: Measured, precision: str, slice_gflop: float, step_gflop: float
) -> Iterator[Row]:
    """Rate, step, loop and synthesis in one precision."""
    product = measured.times[f'product {precision}']
    rate = measured.product_flop / product.median / 1e9
    yield Row(f'{precision}: matrix product', rate, 'GFLOP/s', _quiet(product))
    yield from _beside_limit(measured, f'step {precision}', f'{precision}: step', step_gflop / rate)
    if loop := measured.median(f'loop {precision}'):
        note = 'pipeline and TensorBoard with it'
        yield Row(f'{precision}: training loop', 1 / loop, 'steps/s', note)
        if step := measured.median(f'step {precision}'):
            yield Row(f'{precision}: loop / step', loop / step, '')
    for batch in BATCHES:
        name = f'{precision}: slice, {batch} at once'
        keras = f'keras {precision} {batch}'
        yield from _beside_limit(measured, keras, name, slice_gflop / rate)
        if served := measured.median(f'served {precision} {batch}'):
            yield Row(f'{name}, SavedModel / Keras', served / measured.times[keras].median, '')


def _beside_first(measured: Measured, precision: str) -> Iterator[Row]:
    """What another precision takes, as a share of what the first takes."""
    first = measured.precisions[0]
    for name, what in (
        ('step {}', 'step'),
        *((f'keras {{}} {batch}', f'slice, {batch} at once') for batch in BATCHES),
    ):
        ours, theirs = (measured.median(name.format(each)) for each in (precision, first))
        if ours and theirs:
            yield Row(f'{precision} / {first}: {what}', ours / theirs, '')


def _beside_limit(measured: Measured, name: str, what: str, limit: float) -> Iterator[Row]:
    """A time, and how often it holds the time that its products take at the measured rate."""
    if name in measured.times:
        times = measured.times[name]
        yield Row(what, times.median, 's', _quiet(times))
        note = f'limit {limit:.4g} s: plain convolutions at the rate of the matrix product'
        yield Row(f'{what} / limit', times.median / limit, '', note)


def _of_pipeline(measured: Measured) -> Iterator[Row]:
    if pipeline := measured.median('pipeline'):
        note = f'with every augmentation; {_quiet(measured.times["pipeline"])}'
        yield Row('pipeline alone', 1 / pipeline, 'pairs/s', note)


def _against_torch(measured: Measured) -> Iterator[Row]:
    precision = measured.precisions[0]
    for name, ours, what in (
        ('torch step', f'step {precision}', 'step'),
        *((f'torch {n}', f'keras {precision} {n}', f'slice, {n} at once') for n in BATCHES),
    ):
        if (theirs := measured.median(name)) and (own := measured.median(ours)):
            note = f'{precision}; {_quiet(measured.times[name])}'
            yield Row(f'PyTorch: {what}', theirs, 's', note)
            yield Row(f'PyTorch / ct2mr_tf: {what}', theirs / own, '', 'above 1: ours is faster')


def _quiet(times: Times) -> str:
    return f'half of the times within {100 * times.spread:.1f} %'


def as_text(rows: list[Row]) -> str:
    """The table for a terminal: name, figure, unit, note."""
    width = max(len(row.what) for row in rows)
    return '\n'.join(
        f'{row.what:<{width}}  {row.value:>9.4g}  {row.unit:<8} {row.note}'.rstrip() for row in rows
    )
