"""The report as a reader opens it: in Chromium, from disk, and as files in other hands."""

import pathlib

import pandas as pd
import pytest
from browser import axe_violations, console_errors, needs_browser, open_browser, requests_made
from report_builders import measure, rows_of, subject

from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.evaluation.report import PAPER_CASES, write_report
from ct2mr_tf.evaluation.tables import DIGITS

COUNT = 60
"""Cases: more than a page of either list."""


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    """A report of phantoms, with everything a report can have."""
    folder = tmp_path_factory.mktemp('report')
    results = measure(folder, COUNT, phantom=True, prefix='P<i>&')
    write_report(subject(phantom=True), results)
    return folder, results


@pytest.fixture(scope='module')
def opened(written):
    folder, results = written
    with open_browser() as driver:
        driver.get((folder / 'report.html').as_uri())
        yield driver, results


def shown(driver, list_id):
    """Names of the cases that a list shows."""
    found = driver.find_elements('css selector', f'#{list_id} > .shown')
    return [one.find_element('css selector', 'h3, th').text for one in found]


def buttons(driver, list_id):
    return driver.find_elements('css selector', f'[data-pager="{list_id}"] button')[:2]


def test_tables_hold_what_was_measured(written):
    folder, results = written
    cases = pd.read_csv(folder / 'tables' / 'cases.csv', index_col='pair_id')
    pd.testing.assert_frame_equal(cases, results.cases)
    sheets = pd.read_excel(folder / 'tables.xlsx', sheet_name=None)
    assert set(sheets) == {
        'summary', 'cases', 'cases_mean_MR', 'cases_CT_itself', 'grey_error', 'regions', 'tissues'
    }  # fmt: skip
    assert sheets['cases'].pair_id.tolist() == results.cases.index.tolist()
    assert sheets['cases'].mae.tolist() == pytest.approx(results.cases.mae.tolist())
    assert sheets['grey_error'].pixels.sum() == 2 * COUNT * 24 * 32
    assert {path.stem for path in (folder / 'tables').iterdir()} == set(sheets)


def test_every_case_has_its_pictures_and_the_paper_its_figures(written):
    folder, results = written
    for name in ('pictures', 'differences'):
        assert {path.stem for path in (folder / name).iterdir()} == set(results.cases.index)
    figures = {path.name for path in (folder / 'figures').iterdir()}
    for name in ('distributions', 'grey', 'regions', 'scale', 'fig6', 'fig7'):
        assert {f'{name}.png', f'{name}.svg'} <= figures
    page = (folder / 'report.html').read_text(encoding='utf-8')
    assert f'{PAPER_CASES} cases, evenly' in page


def test_the_page_says_what_it_must(written):
    page = (written[0] / 'report.html').read_text(encoding='utf-8')
    for text in ('Not for diagnosis', '48.13 dB', '16.79', 'phantoms, not patients', '255 × 255'):
        assert text in page


def test_nothing_of_this_machine_is_in_the_report(written):
    folder, _ = written
    for path in folder.rglob('*'):
        if path.suffix in ('.html', '.csv', '.svg'):
            text = path.read_text(encoding='utf-8')
            assert str(folder) not in text and str(pathlib.Path.home()) not in text


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """A report of one case, of which little is known."""
    folder = tmp_path_factory.mktemp('small')
    write_report(subject(patients=None, ct_window=None), measure(folder, 1, boxes=False))
    return folder


def test_a_report_of_one_case_and_no_landmarks(small):
    page = (small / 'report.html').read_text(encoding='utf-8')
    assert 'body_ventral_mm' in page  # what is missing is named
    assert not (small / 'figures' / 'regions.png').exists()
    assert not (small / 'tables' / 'tissues.csv').exists()


def test_the_same_cases_give_the_same_bytes(small, tmp_path):
    write_report(subject(patients=None, ct_window=None), measure(tmp_path, 1, boxes=False))
    files = [path.relative_to(small) for path in small.rglob('*') if path.is_file()]
    assert len(files) > 15
    for path in files:
        assert (tmp_path / path).read_bytes() == (small / path).read_bytes()


@needs_browser
def test_the_page_is_sound(opened):
    """Accessible, without an error, and it asks for nothing but itself."""
    driver, _ = opened
    assert axe_violations(driver) == []
    assert console_errors(driver) == []
    (own,) = requests_made(driver)
    assert own.endswith('/report.html')
    assert driver.execute_script('return document.documentElement.scrollWidth <= innerWidth')


@needs_browser
def test_numbers_in_the_page_are_those_of_the_table(opened):
    driver, results = opened
    header, *rows = rows_of(driver, '#table table')
    assert header[0] == 'case'
    visible = [row for row in rows if row]
    assert (len(rows), len(visible)) == (COUNT, 50)
    for name, *cells in visible:
        expected = results.cases.loc[name]
        assert [float(cell) for cell in cells[: len(METRICS)]] == [
            pytest.approx(expected[metric], abs=0.51 * 10 ** -DIGITS[metric]) for metric in METRICS
        ]


@needs_browser
def test_cases_are_paged_and_ordered(opened):
    driver, results = opened
    ranking = results.ranking()
    assert shown(driver, 'case-list') == ranking[:15]
    back, forth = buttons(driver, 'case-list')
    assert not back.is_enabled() and forth.is_enabled()
    forth.click()
    assert shown(driver, 'case-list') == ranking[15:30]
    forth.click()
    forth.click()
    assert shown(driver, 'case-list') == ranking[45:]
    assert not forth.is_enabled()
    status = driver.find_element('css selector', '[data-pager="case-list"] [role=status]')
    assert status.text == '46 to 60 of 60 cases'
    driver.execute_script(
        "const s = document.querySelector('select[data-order]'); s.selectedIndex = 2;"
        "s.dispatchEvent(new Event('change'));"
    )
    by_ssim = results.cases.ssim.sort_values().index.tolist()
    assert shown(driver, 'case-list') == by_ssim[:15]


@needs_browser
def test_the_table_sorts_by_any_column(opened):
    driver, results = opened
    headers = driver.find_elements('css selector', '#table th[scope=col]')
    assert headers[1].get_attribute('aria-sort') == 'descending'
    for column, metric in ((1, 'mae'), (5, 'ssim')):
        headers[column].find_element('css selector', 'button').click()
        ascending = headers[column].get_attribute('aria-sort') == 'ascending'
        order = results.cases[metric].round(DIGITS[metric])
        values = order.loc[shown(driver, 'case-rows')].tolist()
        assert values == sorted(order, reverse=not ascending)[:50]
    assert headers[1].get_attribute('aria-sort') is None
    headers[0].find_element('css selector', 'button').click()
    assert shown(driver, 'case-rows') == sorted(results.cases.index)[:50]


@needs_browser
def test_the_thumbnail_of_a_case_is_its_own(opened):
    """The picture beside a name: its difference is as bright as that case's error."""
    driver, results = opened
    brightness = driver.execute_async_script(
        """
        const done = arguments[0], found = {};
        const cards = Array.from(document.querySelectorAll('#case-list > article'));
        Promise.all(cards.map(async card => {
            const image = new Image();
            image.src = card.querySelector('img').src;
            await image.decode();
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const from = Math.floor(canvas.width * 0.77);
            const data = context.getImageData(from, 0, canvas.width - from, canvas.height).data;
            found[card.dataset.pair] = data.reduce((a, b, i) => a + (i % 4 == 0 ? b : 0), 0);
        })).then(() => done(found));
        """
    )
    table = pd.Series(brightness).reindex(results.cases.index)
    assert table.corr(results.cases.mae, method='spearman') > 0.9


@needs_browser
def test_without_a_script_everything_is_there(written):
    with open_browser() as driver:
        driver.execute_cdp_cmd('Emulation.setScriptExecutionDisabled', {'value': True})
        driver.get((written[0] / 'report.html').as_uri())
        cards = driver.find_elements('css selector', '#case-list > article')
        assert [card.get_attribute('data-pair') for card in cards] == written[1].ranking()
        assert all(card.is_displayed() for card in cards)
        assert not driver.find_element('css selector', '.controls').is_displayed()
