"""A small evaluation, measured for real: cases of blobs and noise, baselines, a report's folder."""

import math

import numpy as np
from scipy import ndimage

from ct2mr_tf.evaluation import tables
from ct2mr_tf.evaluation.case_pictures import CasePictures
from ct2mr_tf.evaluation.cases import Case, case_table, collected
from ct2mr_tf.evaluation.grey_error import GreyErrors
from ct2mr_tf.evaluation.metrics import slice_metrics
from ct2mr_tf.evaluation.regions import Box, RegionErrors
from ct2mr_tf.evaluation.report_page import Results, Subject

SIZE = (24, 32)
"""Height and width in pixels of the cases."""

TISSUES = {0: 'air', 1: 'muscle', 2: 'fat'}


def make_cases(count, error=8.0, seed=0, prefix='P'):
    """Cases whose synthetic MR is off by noise that grows from case to case."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        ct, real = ndimage.gaussian_filter(rng.normal(0, 600, (2, *SIZE)), (0, 2, 2)) + 120
        synthetic = real + rng.normal(0, error * (1 + number % 7), SIZE)
        parts = [np.clip(part, 0, 255).astype(np.uint8) for part in (ct, real, synthetic)]
        metrics = slice_metrics(parts[1], parts[2])
        yield Case(f'{prefix}{number // 2:03d}_L{number % 2 + 3}', *parts, metrics)


def subject(**changes):
    """What was measured."""
    values = {
        'run': 'study/run',
        'weights': 'best generator, of step 1200',
        'data_set': 'study/set',
        'data_sha256': 'ab' * 32,
        'split': 'test',
        'patients': 3,
        'ct_window': (-200.0, 600.0),
        'phantom': False,
        **changes,
    }
    return Subject(**values)


def measure(folder, count=5, boxes=True, phantom=False, prefix='P'):
    """Measures some cases into the folder of a report; gives what came out."""
    cases = list(make_cases(count, prefix=prefix))
    box = Box(0.2, 0.0, 0.8, 0.6)
    collectors = (
        GreyErrors(),
        RegionErrors(dict.fromkeys([case.pair_id for case in cases], box) if boxes else {}),
        CasePictures(folder, count),
    )
    tissues = tables.TissueSums(lambda case: case.real // 100, TISSUES)
    table = case_table(collected(cases, (*collectors, tissues)))
    baselines = {'mean MR': table.assign(mae=table.mae + 9), 'CT itself': table.assign(mae=99.0)}
    summary = tables.summary_table({tables.MODEL: table, **baselines})
    if phantom:
        summary = tables.with_floor(summary, table.mae / 2)
    return Results(table, baselines, summary, tissues.table() if phantom else None, *collectors)


def rows_of(driver, selector):
    """Cells of a table of a page as a browser shows them: one list a row; hidden ones have none."""
    return driver.execute_script(
        'return Array.from(document.querySelector(arguments[0]).rows, row =>'
        'row.checkVisibility() ? Array.from(row.cells, cell => cell.innerText.trim()) : []);',
        selector,
    )


def equal_pictures(table):
    """The same table, the first case without any error."""
    changed = table.copy()
    changed.iloc[0] = [0, 0, math.inf, math.inf, 1, math.nan]
    return changed
