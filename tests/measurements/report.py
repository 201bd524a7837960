"""How long the report of 2,000 cases takes, how large its page is, and how it opens in a browser.

    python tests/measurements/report.py --out=FOLDER

The cases are eight phantom slices at 256x256, mirrored, windowed and with noise anew for each case,
which is worse for JPEG and PNG than patients are. Inference is left out: the synthetic MR is the
real one, blurred. All else is what `evaluate --report` does after the network, baselines included.
"""

import functools
import pathlib
import resource
import sys
import time
from collections.abc import Iterator

import numpy as np
from absl import app, flags
from scipy import ndimage

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import browser

from ct2mr_tf.evaluation import tables
from ct2mr_tf.evaluation.baselines import fit_baselines
from ct2mr_tf.evaluation.case_pictures import CasePictures
from ct2mr_tf.evaluation.cases import (
    Case,
    case_table,
    case_tables,
    collected,
    predict_cases,
)
from ct2mr_tf.evaluation.grey_error import GreyErrors
from ct2mr_tf.evaluation.metrics import HALF_RANGE, slice_metrics
from ct2mr_tf.evaluation.regions import Box, RegionErrors
from ct2mr_tf.evaluation.report import PAGE_FILE, write_report
from ct2mr_tf.evaluation.report_page import Results, Subject
from ct2mr_tf.phantom.cohort import draw_cohort
from ct2mr_tf.phantom.cohort_pairs import draw_pictures

FLAGS = flags.FLAGS
flags.DEFINE_string('out', '', 'New folder for the report.')
flags.DEFINE_integer('cases', 2000, 'Number of cases.', lower_bound=1)
flags.DEFINE_integer('size', 256, 'Pixels a side.', lower_bound=16)

LONG_TASKS = """
    window.longTasks = [];
    new PerformanceObserver(list => window.longTasks.push(
        ...list.getEntries().map(entry => entry.duration))
    ).observe({type: 'longtask', buffered: true});
"""
"""Collects the tasks of 50 ms and more that keep a page from answering."""

NOISE_MARGIN = 200
"""Pixels by which the field of noise is larger than a picture."""

Pair = tuple[np.ndarray, np.ndarray]


@functools.cache
def phantom_pairs(size: int) -> list[Pair]:
    """CT and MR of eight discs."""
    return [
        (picture.ct, picture.mr)
        for member in draw_cohort(0, 4)
        for picture in draw_pictures(member, size)
    ][:8]


def draw_pairs(count: int, size: int) -> Iterator[Pair]:
    """CT and MR, uint8 [size, size] each, no two alike."""
    drawn = phantom_pairs(size)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 4, (size + NOISE_MARGIN,) * 2).astype(np.float32)
    for number in range(count):
        pair = drawn[number % len(drawn)]
        if number // len(drawn) % 2:
            pair = tuple(picture[:, ::-1] for picture in pair)
        gain = np.float32(rng.uniform(0.85, 1.1))
        # A window of one field of noise: drawing it anew would take longer than the report.
        y, x = rng.integers(0, NOISE_MARGIN, 2)
        here = noise[y : y + size, x : x + size]
        yield tuple(np.clip(gain * part + here, 0, 255).astype(np.uint8) for part in pair)


def name_of(number: int) -> str:
    """Name of a case: three a patient."""
    return f'P{number // 3:04d}_{number % 3}'


def cases_of(pairs: Iterator[Pair]) -> Iterator[Case]:
    """Cases as a network would make them, without its time."""
    for number, (ct, mr) in enumerate(pairs):
        synthetic = ndimage.uniform_filter(mr, 3 + 2 * (number % 3))
        yield Case(name_of(number), ct, mr, synthetic, slice_metrics(mr, synthetic))


def batches_of(pairs: Iterator[Pair]) -> Iterator[dict[str, np.ndarray]]:
    """The same pairs as the network's input."""
    for number, pair in enumerate(pairs):
        ct, mr = (picture[np.newaxis, ..., np.newaxis] / np.float32(HALF_RANGE) for picture in pair)
        yield {'ct': ct - 1, 'mr': mr - 1, 'index': np.array([number])}


def say(what: str) -> None:
    """Prints the time since the start, and that of all cores together."""
    spent = time.perf_counter() - START, time.process_time()
    print('{:6.1f} s, {:6.1f} s of a core  {}'.format(*spent, what), flush=True)


def make_report(out: pathlib.Path) -> None:
    """Measures all cases and baselines, and writes the report."""
    count, size = FLAGS.cases, FLAGS.size
    names = tuple(map(name_of, range(count)))
    collectors = (
        GreyErrors(),
        RegionErrors(dict.fromkeys(names, Box(0.2, 0.0, 0.8, 0.62))),
        CasePictures(out, count),
    )
    cases = case_table(collected(cases_of(draw_pairs(count, size)), collectors))
    say('model measured, pictures written')
    fitted = fit_baselines(draw_pairs(40, size))
    streams = {
        name: predict_cases(baseline, batches_of(draw_pairs(count, size)), names)
        for name, baseline in fitted.items()
    }
    baselines = case_tables(streams)
    say('baselines measured')
    summary = tables.summary_table({tables.MODEL: cases, **baselines})
    subject = Subject('benchmark', 'none', 'phantoms', '-', 'test', None, (-200, 600), False)
    write_report(subject, Results(cases, baselines, summary, None, *collectors))
    say('page, tables and figures written')


def open_page(page: pathlib.Path) -> None:
    """Opens the page in Chromium; prints how long it loads and which tasks were long."""
    with browser.open_browser() as driver:
        driver.execute_cdp_cmd('Page.addScriptToEvaluateOnNewDocument', {'source': LONG_TASKS})
        driver.get(page.as_uri())
        time.sleep(2)
        loaded = driver.execute_script(
            "const [n] = performance.getEntriesByType('navigation');"
            'return [n.domContentLoadedEventEnd, n.loadEventEnd, window.longTasks];'
        )
        print(f'page ready after {loaded[0]:.0f} ms, loaded after {loaded[1]:.0f} ms')
        print('tasks of 50 ms and more:', [round(task) for task in loaded[2]])
        for what, script in (
            ('next page', "document.querySelectorAll('[data-pager] button')[1].click()"),
            ('sort table', "document.querySelectorAll('table[data-sortable] button')[2].click()"),
            (
                'sort cases',
                "const s = document.querySelector('select'); s.selectedIndex = 2;"
                "s.dispatchEvent(new Event('change'));",
            ),
        ):
            took = driver.execute_script(
                f'const t = performance.now(); {script}; document.body.offsetHeight;'
                'return performance.now() - t;'
            )
            print(f'{what}: {took:.0f} ms')


def main(argv: list[str]) -> None:
    """Flags -> report -> numbers."""
    del argv
    out = pathlib.Path(FLAGS.out).absolute()
    out.mkdir(parents=True)
    phantom_pairs(FLAGS.size)
    say('phantoms drawn')
    make_report(out)
    files = [path for path in out.rglob('*') if path.is_file()]
    page = out / PAGE_FILE
    together = sum(path.stat().st_size for path in files) / 1e6
    print(f'page {page.stat().st_size / 1e6:.1f} MB, {len(files)} files of {together:.0f} MB')
    print(f'peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB')
    if browser.CHROMIUM:
        open_page(page)


START = time.perf_counter()

if __name__ == '__main__':
    app.run(main)
