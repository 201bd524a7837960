"""The report of reader studies: one page that opens from disk, and its parts as files beside it.

    report.html                 everything
    tables/*.csv  tables.xlsx   table_2 and table_3 as the paper prints them, and all numbers
    figures/*.png *.svg         its figures

Nothing in it names a day or a place: the same answers give the same bytes.
"""

import pathlib
import warnings
from collections.abc import Sequence

from ct2mr_tf.evaluation.pages import data_uri, write_page
from ct2mr_tf.evaluation.report_figures import DPI, save_figure
from ct2mr_tf.evaluation.workbooks import write_tables
from ct2mr_tf.reader_study import score_sections, score_tables, score_text
from ct2mr_tf.reader_study.score_tables import ScoreTable
from ct2mr_tf.reader_study.study_answers import StudyAnswers

PAGE_FILE = 'report.html'
"""The page in the folder of a score."""

FIGURES_FOLDER = 'figures'
"""Where the figures lie in it."""

CSS_DPI = 96
"""CSS pixels an inch."""


def write_score(studies: Sequence[StudyAnswers], folder: pathlib.Path) -> list[ScoreTable]:
    """Writes page, tables and figures.

    Args:
        studies: at least one, each of another kind, each with answers.
        folder: where to; there and empty.

    Returns:
        The tables for a terminal: the paper's, and that of the correlations.

    Raises:
        OSError: the folder cannot be written to, or the disk is full.
    """
    parts = [score_sections.SECTIONS[answers.study.kind](answers) for answers in studies]
    parts.append(score_sections.correlation_section(studies, parts))
    (folder / FIGURES_FOLDER).mkdir()
    with warnings.catch_warnings():
        # Said once for all figures: see `reader_scoring`.
        warnings.filterwarnings('ignore', 'Glyph .* missing from', UserWarning)
        pictures = {
            (part.name, drawn.name): save_figure(
                drawn.figure, folder / FIGURES_FOLDER, f'{part.name}_{drawn.name}'
            )
            for part in parts
            for drawn in part.figures
        }
    numbers = {f'{part.name}_{name}': own for part in parts for name, own in part.numbers.items()}
    for answers, part in zip(studies, parts, strict=False):
        paper = 'table_3' if answers.study.kind == 'similarity' else f'table_2_{part.name}'
        numbers[paper] = part.tables[0].frame()
        numbers[f'{part.name}_answers'] = answers.answers.set_index('reader')
    write_tables(folder, numbers)
    write_page(
        folder / PAGE_FILE,
        'score.html',
        parts=parts,
        pictures={name: (data_uri(png), _shown_width(png)) for name, png in pictures.items()},
        text_columns=score_tables.TEXT_COLUMNS,
        method=score_text.method([part.name for part in parts]),
    )
    return [part.tables[0] for part in parts]


def _shown_width(png: bytes) -> int:
    """The width of a figure on a page, in CSS pixels: letters then have one size in all of them."""
    width = int.from_bytes(png[16:20], 'big')  # of the header, which comes first
    return round(width * CSS_DPI / DPI)
