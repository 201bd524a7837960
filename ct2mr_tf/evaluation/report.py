"""The report of an evaluation: one page that opens from disk, and its parts as files beside it.

    report.html                 everything, with thumbnails of the cases
    tables/*.csv  tables.xlsx   Table 1, the cases, error against grey level, by region, of tissues
    figures/*.png *.svg         its figures; fig6 and fig7 are the paper's
    pictures/  differences/     every case in full

Nothing in it names a day or a place: the same cases give the same bytes.
"""

import pandas as pd

from ct2mr_tf.evaluation import report_figures, tables
from ct2mr_tf.evaluation.cases import evenly_spread
from ct2mr_tf.evaluation.pages import data_uri, write_page
from ct2mr_tf.evaluation.report_page import (
    GREY_BIN,
    Results,
    Subject,
    middle_with_box,
    page_values,
)
from ct2mr_tf.evaluation.workbooks import write_tables

PAGE_FILE = 'report.html'
"""The page in the folder of a report."""

FIGURES_FOLDER = 'figures'
"""Where the figures lie in a report."""

PAPER_CASES = 15
"""Cases in the paper's Figs. 6 and 7, and at most in ours."""


def write_report(subject: Subject, results: Results) -> None:
    """Writes page, tables and figures into the folder that holds the pictures already.

    Args:
        subject: what was measured.
        results: what came out; at least one case.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    folder = results.pictures.folder
    write_tables(folder, _tables(results))
    in_page = _write_figures(subject, results)
    shown = _write_paper_figures(results)
    values = {**page_values(subject, results), 'figures': in_page, 'figure_cases': shown}
    write_page(folder / PAGE_FILE, 'report.html', **values)


def _tables(results: Results) -> dict[str, pd.DataFrame]:
    """The tables of a report by the names of their files."""
    written = {'summary': results.summary, 'cases': results.cases}
    baselines = results.baselines.items()
    written |= {f'cases_{name.replace(" ", "_")}': table for name, table in baselines}
    written['grey_error'] = results.grey.table().set_index(['against', 'grey'])
    region_table = results.regions.table()
    if len(region_table):
        written['regions'] = region_table
    if results.tissues is not None:
        written['tissues'] = results.tissues
    return written


def _write_figures(subject: Subject, results: Results) -> dict[str, str]:
    """Writes the figures that the page holds, and gives them by name."""
    cases = {tables.MODEL: results.cases, **results.baselines}
    grey_table = results.grey.table(GREY_BIN)
    made = {
        'distributions': report_figures.distributions(cases),
        'grey': report_figures.error_against_grey(grey_table, subject.ct_window),
        'scale': report_figures.colour_scale(),
    }
    region_table = results.regions.table()
    if len(region_table):
        example = middle_with_box(region_table, results.ranking())
        made['regions'] = report_figures.error_by_region(
            region_table, results.pictures.slices(example), results.regions.boxes[example]
        )
    folder = results.pictures.folder / FIGURES_FOLDER
    return {
        name: data_uri(report_figures.save_figure(figure, folder, name))
        for name, figure in made.items()
    }


def _write_paper_figures(results: Results) -> str:
    """Writes the paper's Figs. 6 and 7; gives what they show, in words."""
    ranking = results.ranking()
    if len(ranking) <= PAPER_CASES:
        chosen, shown = sorted(ranking), 'every case'
    else:
        chosen = [ranking[place] for place in evenly_spread(len(ranking), PAPER_CASES)]
        shown = f'{PAPER_CASES} cases, evenly from the highest error to the lowest'
    cases = {pair_id: results.pictures.slices(pair_id) for pair_id in chosen}
    folder = results.pictures.folder / FIGURES_FOLDER
    report_figures.save_figure(report_figures.figure_6(cases), folder, 'fig6')
    report_figures.save_figure(report_figures.figure_7(cases), folder, 'fig7')
    return shown
