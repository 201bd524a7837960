"""The table from made-up times, row by row."""

import dataclasses

import pytest

from ct2mr_tf.benchmark.multiply_adds import MultiplyAdds
from ct2mr_tf.benchmark.report import Measured, Row, as_text, table
from ct2mr_tf.benchmark.timing import Times

PRECISIONS = ('float32', 'bfloat16')


def measured(**seconds: float) -> Measured:
    """Medians by name, with '_' for a space; a product of 2 GFLOP, a slice 1 and a step 3."""
    times = {name.replace('_', ' '): Times((value, value)) for name, value in seconds.items()}
    needed = MultiplyAdds(slice=500_000_000, step=1_500_000_000)
    return Measured(times, 2e9, needed, precisions=PRECISIONS)


ALL = measured(
    product_float32=0.02,  # 100 GFLOP/s: a step's limit is 30 ms, a slice's 10 ms
    product_bfloat16=0.005,  # 400 GFLOP/s
    step_float32=0.036,
    step_bfloat16=0.018,
    loop_float32=0.0369,
    loop_bfloat16=0.02,
    keras_float32_1=0.011,
    keras_float32_8=0.0105,
    served_float32_1=0.0121,
    served_float32_8=0.0105,
    keras_bfloat16_1=0.0055,
    pipeline=0.001,
    torch_step=0.054,
    torch_1=0.0132,
)


@pytest.fixture(scope='module')
def rows() -> dict[str, Row]:
    found = table(ALL)
    assert len({row.what for row in found}) == len(found)
    return {row.what: row for row in found}


@pytest.mark.parametrize(
    ('what', 'value', 'unit'),
    [
        ('one slice needs', 1, 'GFLOP'),
        ('one step needs', 3, 'GFLOP'),
        ('float32: matrix product', 100, 'GFLOP/s'),
        ('float32: step', 0.036, 's'),
        ('float32: step / limit', 1.2, ''),
        ('float32: training loop', 1 / 0.0369, 'steps/s'),
        ('float32: loop / step', 1.025, ''),
        ('float32: slice, 1 at once / limit', 1.1, ''),
        ('float32: slice, 8 at once / limit', 1.05, ''),
        ('float32: slice, 1 at once, SavedModel / Keras', 1.1, ''),
        ('bfloat16: step / limit', 2.4, ''),
        ('bfloat16 / float32: step', 0.5, ''),
        ('bfloat16 / float32: slice, 1 at once', 0.5, ''),
        ('pipeline alone', 1000, 'pairs/s'),
        ('PyTorch: step', 0.054, 's'),
        ('PyTorch / ct2mr_tf: step', 1.5, ''),
        ('PyTorch / ct2mr_tf: slice, 1 at once', 1.2, ''),
    ],
)
def test_figures(rows, what, value, unit):
    assert rows[what].value == pytest.approx(value)
    assert rows[what].unit == unit


def test_figures_of_others_tell_how_quiet_it_was():
    """A figure that grows from round to round is no figure."""
    quiet = measured(product_float32=0.02, product_bfloat16=0.01)
    uneven = {'pipeline': Times((0.002, 0.001, 0.0)), 'torch step': Times((1.0, 2.0, 3.0))}
    found = table(
        dataclasses.replace(
            quiet, times={**quiet.times, **uneven, 'step float32': Times((1.0, 1.0))}
        )
    )
    notes = {row.what: row.note for row in found}
    assert notes['pipeline alone'].endswith('half of the times within 100.0 %')
    assert notes['PyTorch: step'] == 'float32; half of the times within 50.0 %'


def test_what_was_not_measured_is_not_in_the_table(rows):
    assert 'bfloat16: slice, 8 at once' not in rows
    bare = table(measured(product_float32=0.02, product_bfloat16=0.01))
    assert [row.what for row in bare] == [
        'one slice needs',
        'one step needs',
        'float32: matrix product',
        'bfloat16: matrix product',
    ]


def test_text_has_its_columns_under_each_other():
    text = as_text([Row('a', 1.25, 's', 'a note'), Row('longer', 1234.5, 'pairs/s')])
    assert text.splitlines() == [
        'a            1.25  s        a note',
        'longer       1234  pairs/s',
    ]
