"""The report on paper: printed by Chromium as PDF, and read back page by page."""

import base64
import collections
import io
import unicodedata

import pypdf
import pytest
from browser import needs_browser, open_browser
from pypdf.generic import ContentStream
from report_builders import measure, subject
from selenium.webdriver.common.print_page_options import PrintOptions

from ct2mr_tf.evaluation.report import write_report

COUNT = 40
"""Cases: enough for a table and a list of cases that take more than a page."""

A4_CM = (21.0, 29.7)

CAPTIONS = ('Above, the model', 'Over all pixels of all cases', 'The box on')
"""Beginnings of the captions of all figures."""

SCALES = ('Worst and best cases', 'Every case As in the paper')
"""Beginnings of the sections that begin with the colour scale, which is a picture too."""

HEADER = 'MAE inside the\nbox'
"""Text in the header of the table of cases."""

pytestmark = needs_browser


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp('printed')
    results = measure(folder, COUNT, phantom=True)
    write_report(subject(phantom=True), results)
    return folder, results


@pytest.fixture(scope='module')
def pages(results):
    """The pages of the report as it opens, on A4."""
    options = PrintOptions()
    options.page_width, options.page_height = A4_CM
    with open_browser() as driver:
        driver.get((results[0] / 'report.html').as_uri())
        printed = base64.b64decode(driver.print_page(options))
    return pypdf.PdfReader(io.BytesIO(printed)).pages


@pytest.fixture(scope='module')
def texts(pages):
    # NFKC: two letters for each ligature.
    return [unicodedata.normalize('NFKC', page.extract_text()) for page in pages]


def pictures_drawn(page):
    """How many pictures are drawn on a page."""
    objects = page['/Resources'].get('/XObject', {})
    return sum(
        operator == b'Do' and objects[operands[0]]['/Subtype'] == '/Image'
        for operands, operator in ContentStream(page.get_contents(), page.pdf).operations
    )


def test_no_page_is_blank(texts):
    assert 7 <= len(texts) <= 12
    assert all(len(text) > 200 for text in texts)


def test_the_summary_opens_the_report_and_is_whole(texts, results):
    table = texts[0].partition('Table 1.')[2]
    mae = results[1].cases.mae
    assert f'model {mae.mean():.2f} ± {mae.std():.2f}' in table
    for row in ('mean MR', 'CT itself', 'floor'):
        assert f'\n{row} ' in table


def test_no_picture_is_cut_and_every_case_is_with_its_own(pages, texts):
    """One that is cut is drawn on both pages, and one that is apart has no text beside it."""
    named = [
        sum(map(' '.join(text.split()).count, ('· correlation', *CAPTIONS, *SCALES)))
        for text in texts
    ]
    assert [pictures_drawn(page) for page in pages] == named
    assert sum(text.count('· correlation') for text in texts) == 2 * 3 + 15


def test_no_small_table_is_cut(texts):
    (page,) = [text for text in texts if 'Beside published results' in text]
    for part in ('work task', 'this run', 'CycleGAN', 'pelvic CT', 'doi:10.1038/'):
        assert part in page
    (page,) = [text for text in texts if 'Tissues of the phantom' in text]
    for part in ('share of pixels', 'air', 'muscle', 'fat'):
        assert part in page


def test_the_header_of_the_long_table_is_on_each_of_its_pages(texts, results):
    on_pages = collections.Counter(
        number
        for number, text in enumerate(texts)
        for line in text.splitlines()
        if line.split(' ')[0] in results[1].cases.index and len(line.split()) == 9
    )
    assert on_pages.total() == COUNT
    assert len(on_pages) > 1
    assert [number for number, text in enumerate(texts) if HEADER in text] == sorted(on_pages)
