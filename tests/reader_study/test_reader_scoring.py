"""Scoring as a whole: simulated readers in, tables, figures and page out; and the page itself."""

import re

import numpy as np
import openpyxl
import pandas as pd
import pytest
import simulated_readers
from browser import axe_violations, console_errors, needs_browser, open_browser, requests_made

from ct2mr_tf.problems import UserError
from ct2mr_tf.reader_study import reader_scoring, score_report, score_sections, study_files

METRICS = simulated_readers.drawn_metrics(np.random.default_rng(0), 15)

TAKEN = np.arange(15)[:, np.newaxis] < np.array([0, 1, 2, 3, 5, 6])
"""Six readers who take the synthetic MR of 0 to 40 % of the cases for the real one."""


def simulate(folder, kind, readers, **shape):
    """A study of this kind over the cases of METRICS, in a folder of its own."""
    (folder / kind).mkdir(parents=True)
    study = simulated_readers.study_of(kind, readers=readers, **shape)
    metrics = METRICS.iloc[: study.cases]
    return simulated_readers.simulated_study(folder / kind, study, metrics=metrics)


def forced_choice(folder, taken=TAKEN):
    study = simulate(folder, 'forced_choice', taken.shape[1], cases=len(taken))
    sheets = [study.chooser(number, taken[:, number]) for number in range(taken.shape[1])]
    return study, study.write_answers(sheets)


def similarity(folder):
    study = simulate(folder, 'similarity', 2)
    rng = np.random.default_rng(1)
    scores = np.clip(rng.normal(80, 8, (15, 1, 9)) + rng.normal(0, 4, (15, 2, 9)), 0, 100)
    return study, study.write_answers([study.rater(n, scores[:, n]) for n in range(2)])


def yes_no(folder):
    study = simulate(folder, 'yes_no', 3)
    rng = np.random.default_rng(2)

    def say(case, truth, _):
        return truth if rng.random() < 0.75 else {'real': 'synthetic', 'synthetic': 'real'}[truth]

    return study, study.write_answers([study.sheet(number, say) for number in range(3)])


@pytest.fixture(scope='module')
def scored(tmp_path_factory):
    """All three kinds of study scored together: folder of the score, and what was printed."""
    folder = tmp_path_factory.mktemp('scored')
    made = [kind(folder) for kind in (forced_choice, yes_no, similarity)]
    out = folder / 'out'
    printed = reader_scoring.score_studies(
        [study.folder for study, _ in made], [answers for _, answers in made], out
    )
    return out, printed


def test_the_numbers_are_those_of_the_answers(scored):
    out, printed = scored
    rates = pd.read_csv(out / 'tables/forced_choice_rates.csv')
    assert rates['taken'].tolist()[:6] == TAKEN.sum(axis=0).tolist()
    assert 'Table 2. Synthetic MR taken for the real one' in printed
    assert 'Table 3. Similarity of synthetic and real MR' in printed
    cases = pd.read_csv(out / 'tables/forced_choice_cases.csv', index_col='pair_id')
    assert cases['taken'].tolist() == TAKEN.sum(axis=1).tolist()
    np.testing.assert_allclose(cases['mae'], METRICS['mae'])
    rho = pd.read_csv(out / 'tables/correlations_rho.csv')
    assert len(rho) == 3 * 3 + 3


def test_the_files_beside_the_page(scored):
    out, _ = scored
    names = {path.stem for path in (out / 'tables').iterdir()}
    assert {'table_2_forced_choice', 'table_2_yes_no', 'table_3'} <= names
    book = openpyxl.load_workbook(out / 'tables.xlsx')
    assert set(book.sheetnames) == names
    answers = pd.read_csv(out / 'tables/similarity_answers.csv')
    assert len(answers) == 2 * 9 * 15
    figures = {path.name for path in (out / 'figures').iterdir()}
    assert {'forced_choice_rates.png', 'similarity_bland_altman.svg'} <= figures


def test_the_paper_tables_are_written_as_they_are_printed(scored):
    out, printed = scored
    table = pd.read_csv(out / 'tables/table_3.csv', index_col='Item')
    assert table.index.tolist() == [*study_files.PAPER_ITEMS, 'Mean of all items']
    for item, row in table.iterrows():
        (line,) = [line for line in printed.split('\n') if line.startswith(f'{item}  ')]
        assert all(cell in line for cell in row)


def test_every_kind_of_study_has_its_part():
    assert set(score_sections.SECTIONS) == set(study_files.KINDS)


def test_the_page_holds_everything_itself(scored):
    out, _ = scored
    page = (out / 'report.html').read_text(encoding='utf-8')
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert str(out.parent) not in page
    assert 'Not for diagnosis' in page or 'not for diagnosis' in page
    assert page.count('<img ') == 7


def test_the_same_answers_give_the_same_bytes(tmp_path):
    study, answers = forced_choice(tmp_path)
    for name in ('one', 'two'):
        reader_scoring.score_studies([study.folder], [answers], tmp_path / name)
    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob('*.*')}
        for folder in (tmp_path / 'one', tmp_path / 'two')
    )
    assert one == two


def test_missing_readers_and_answers_are_named(tmp_path):
    study = simulate(tmp_path, 'forced_choice', 3)
    sheets = [study.sheet(n, lambda case, truth, _: '' if case == 4 else truth) for n in (0, 2)]
    answers = study.write_answers(sheets)
    with pytest.raises(UserError):
        reader_scoring.score_studies([study.folder], [answers], tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
    printed = reader_scoring.score_studies([study.folder], [answers], tmp_path / 'out', True)
    assert 'No answers to study S000000000000 from reader_02.' in printed
    assert 'Left without an answer in study S000000000000: 2 of 30.' in printed
    page = (tmp_path / 'out/report.html').read_text(encoding='utf-8')
    assert '<dt>No answers from</dt><dd>reader_02</dd>' in page
    assert '<dt>Left without an answer</dt><dd>2 of 30</dd>' in page


def test_a_reader_who_sent_nothing_is_not_passed_over(tmp_path):
    study, answers = forced_choice(tmp_path)
    (answers / 'answers_reader_04.csv').unlink()
    with pytest.raises(UserError) as caught:
        reader_scoring.score_studies([study.folder], [answers], tmp_path / 'out')
    (problem,) = caught.value.problems
    assert problem.found == 'no answers from reader_04'
    assert '--allow_incomplete' in problem.cure
    assert not (tmp_path / 'out').exists()


def test_a_study_named_twice_is_not_scored_twice(tmp_path):
    study, answers = forced_choice(tmp_path)
    with pytest.raises(UserError) as caught:
        reader_scoring.score_studies([study.folder] * 2, [answers], tmp_path / 'out')
    (problem,) = caught.value.problems
    assert problem.where == f'{study.folder}'


@pytest.mark.parametrize(
    ('kind', 'say', 'found'),
    [
        *[(kind, lambda truth: '', 'no answers') for kind in study_files.KINDS],
        ('yes_no', lambda truth: truth if truth == 'real' else '', 'answers to real MR only'),
    ],
)
def test_nothing_to_score(tmp_path, kind, say, found):
    study = simulate(tmp_path, kind, 2, cases=4)
    sheets = [study.sheet(number, lambda case, truth, item: say(truth)) for number in range(2)]
    with pytest.raises(UserError) as caught:
        reader_scoring.score_studies(
            [study.folder], [study.write_answers(sheets)], tmp_path / 'out', True
        )
    (problem,) = caught.value.problems
    assert problem.found == found


def tells_nothing(folder, kind, readers, cases):
    """Readers who are always right, always say the same, or give one and the same score."""
    study = simulate(folder, kind, readers, cases=cases)
    say = {
        'forced_choice': lambda case, truth, item: truth,
        'yes_no': lambda case, truth, item: 'real',
        'similarity': lambda case, truth, item: '80',
    }[kind]
    return study, study.write_answers([study.sheet(number, say) for number in range(readers)])


@pytest.mark.parametrize(('readers', 'cases'), [(1, 1), (2, 6)])
def test_answers_that_tell_nothing_are_scored_without_a_warning(tmp_path, readers, cases):
    made = [tells_nothing(tmp_path, kind, readers, cases) for kind in study_files.KINDS]
    printed = reader_scoring.score_studies(
        [study.folder for study, _ in made], [answers for _, answers in made], tmp_path / 'out'
    )
    assert 'nan' not in printed
    table = pd.read_csv(tmp_path / 'out/tables/correlations_rho.csv')
    assert table['rho'].isna().all()
    assert table['note'].str.startswith('not defined: ').all()
    icc = pd.read_csv(tmp_path / 'out/tables/similarity_icc.csv')
    reason = 'the cases do not differ in their means' if readers > 1 else 'there is one reader'
    assert set(icc['note']) == {f'not defined: {reason}'}
    kappa = pd.read_csv(tmp_path / 'out/tables/forced_choice_kappa.csv')
    assert kappa['note'].str.startswith('not defined: ').all()
    assert '>nan' not in (tmp_path / 'out/report.html').read_text(encoding='utf-8')


def test_what_stands_in_the_way_is_said_at_once(tmp_path):
    study, answers = forced_choice(tmp_path)
    (tmp_path / 'twin').mkdir()
    twin = simulated_readers.simulated_study(tmp_path / 'twin', study.study, seed=1)
    with pytest.raises(UserError) as caught:
        folders = [study.folder, twin.folder, tmp_path / 'gone']
        reader_scoring.score_studies(folders, [answers], answers)
    assert [problem.where for problem in caught.value.problems] == [
        f'{answers}',
        f'{twin.folder}',
        f'{tmp_path / "gone" / "study.json"}',
    ]


def test_studies_of_two_models_are_not_mixed(tmp_path):
    study, answers = forced_choice(tmp_path)
    other = simulated_readers.study_of('yes_no', readers=1)
    (tmp_path / 'other').mkdir()
    metrics = METRICS.assign(mae=METRICS['mae'] + 1)
    other = simulated_readers.simulated_study(tmp_path / 'other', other, metrics=metrics)
    other.write_answers([other.sheet(0, lambda case, truth, _: truth)], tmp_path / 'more')
    with pytest.raises(UserError) as caught:
        folders = [study.folder, other.folder]
        reader_scoring.score_studies(folders, [answers, tmp_path / 'more'], tmp_path / 'out')
    (problem,) = caught.value.problems
    assert problem.found == 'another MAE in 15 of 15 cases, first P001_L4-5'


@needs_browser
@pytest.mark.parametrize('window', [(1280, 800), (820, 1180)])
def test_the_page_in_a_browser(scored, window):
    out, _ = scored
    page = out / score_report.PAGE_FILE
    with open_browser(window) as driver:
        driver.get(page.as_uri())
        assert axe_violations(driver, ('moderate', 'serious', 'critical')) == []
        assert console_errors(driver) == []
        assert requests_made(driver) == [page.as_uri()]
        width = driver.execute_script('return document.documentElement.scrollWidth')
        assert width <= window[0]
        rows = driver.execute_script(
            "return [...document.querySelectorAll('#forced_choice table')[0].rows]"
            '.map(row => [...row.cells].map(cell => cell.textContent.trim()))'
        )
        assert rows[0][:5] == ['Reader', 'Role', 'Years', 'Cases', 'Synthetic chosen']
        assert [row[4] for row in rows[1:7]] == ['0', '1', '2', '3', '5', '6']


def test_letters_that_no_font_has_are_said_once(tmp_path):
    """Cuneiform, which no font of the figures has: boxes there, and right in the tables."""
    study = simulate(tmp_path, 'similarity', 2, cases=3, items=('𒀀𒀁 signal', 'Bone'))
    answers = study.write_answers([study.rater(n, np.full((3, 2), 80)) for n in range(2)])
    printed = reader_scoring.score_studies([study.folder], [answers], tmp_path / 'out')
    last = 'Figures show boxes for 𒀀𒀁: none of their fonts here has these;'
    assert printed.rpartition('\n\n')[2].startswith(last)
    assert '𒀀𒀁 signal' in (tmp_path / 'out/report.html').read_text(encoding='utf-8')


def test_nothing_is_said_of_letters_that_fonts_have(scored):
    assert 'font' not in scored[1]
