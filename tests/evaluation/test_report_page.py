"""What the page says, against the tables it is made of."""

import dataclasses
import math

import numpy as np
import pytest
from report_builders import equal_pictures, measure, subject

from ct2mr_tf.evaluation import case_pictures, report_page, tables
from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.evaluation.report_page import page_values


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    return measure(tmp_path_factory.mktemp('page'), count=5)


def test_every_metric_has_a_name():
    assert tuple(report_page.METRIC_NAMES) == METRICS


def test_table_1_is_the_summary(results):
    rows = page_values(subject(), results)['summary']
    assert [row['name'] for row in rows] == ['model', 'mean MR', 'CT itself']
    mae = results.cases.mae
    first = rows[0]['cells'][0]
    assert first['mean'] == f'{mae.mean():.2f} ± {mae.std():.2f}'
    assert first['range'] == f'{mae.min():.2f} to {mae.max():.2f}'
    psnr, paper = (float(rows[0]['cells'][n]['mean'].split()[0]) for n in (2, 3))
    assert paper - psnr == pytest.approx(48.13, abs=0.011)


def test_rows_and_cards_begin_with_the_worst(results):
    values = page_values(subject(), results)
    ranking = results.cases.mae.sort_values(ascending=False).index.tolist()
    assert [row['pair_id'] for row in values['rows']] == ranking
    cards = list(values['cards'])
    assert [card['pair_id'] for card in cards] == ranking
    assert cards[0]['line'].startswith(f'MAE {results.cases.mae.max():.2f} · RMSE ')
    assert cards[0]['sort_keys']['mae'] == results.cases.mae.max()
    assert values['extremes'] is None  # five cases are seen at a glance


def test_the_rows_hold_every_number(results):
    regions = results.regions.table()
    for row in page_values(subject(), results)['rows']:
        case = results.cases.loc[row['pair_id']]
        assert row['cells'][:6] == [f'{case[m]:.{tables.DIGITS[m]}f}' for m in METRICS]
        box = regions.loc[row['pair_id']]
        assert row['cells'][6:] == [f'{box.inside_mae:.2f}', f'{box.outside_mae:.2f}']


def test_the_head(results):
    facts = dict(page_values(subject(), results)['facts'])
    assert facts == {
        'Run': 'study/run',
        'Weights': 'best generator, of step 1200',
        'Data set': 'study/set',
        'Its SHA-256': 'ab' * 32,
        'Split': 'test: 5 pairs of 3 patients',
        'Pictures': '32 × 24 pixels, 8-bit grey',
        'CT window': '-200 to 600 HU',
    }
    unknown = dict(page_values(subject(patients=None, ct_window=None), results)['facts'])
    assert unknown['Split'] == 'test: 5 pairs'
    assert 'CT window' not in unknown


def test_the_result_in_words(tmp_path):
    results = measure(tmp_path, count=4, phantom=True)
    said = page_values(subject(phantom=True), results)['result']
    mae = results.cases.mae
    assert said['sentence'].startswith(f'Over 4 cases, the mean absolute error is {mae.mean():.2f}')
    best, floor = mae.mean() + 9, mae.mean() / 2
    share = 9 / (best - floor)
    assert f'mean MR, has {best:.2f} grey levels: the model is better' in said['baseline']
    assert f'the floor of {floor:.2f}, it goes {share:.0%} of the way' in said['baseline']


def test_a_model_that_beats_nothing(results):
    worse = results.summary.copy()
    worse.loc['model', 'mae_mean'] = 300
    said = page_values(subject(), dataclasses.replace(results, summary=worse))['result']
    assert said['baseline'].endswith('grey levels: not beaten.')


def test_a_single_case_has_no_spread(tmp_path):
    results = measure(tmp_path, count=1)
    values = page_values(subject(patients=1), results)
    assert values['result']['sentence'].startswith('In the one case, the mean absolute error is')
    assert values['summary'][0]['cells'][0]['range'] == ''
    assert '±' not in values['summary'][0]['cells'][0]['mean']
    assert dict(values['facts'])['Split'] == 'test: 1 pair of 1 patient'


def test_both_ends_of_the_ranking(tmp_path):
    results = measure(tmp_path, count=13)
    extremes = page_values(subject(), results)['extremes']
    ranking = results.ranking()
    assert [card['pair_id'] for card in extremes['worst']] == ranking[:3]
    assert [card['pair_id'] for card in extremes['best']] == ranking[:-4:-1]


def test_more_cases_than_the_page_has_room_for(results, monkeypatch):
    monkeypatch.setattr(case_pictures, 'most_thumbnails', lambda: 2)
    values = page_values(subject(), results)
    ranking = results.ranking()
    assert [card['pair_id'] for card in values['cards']] == [ranking[0], ranking[-1]]
    assert (values['card_count'], values['count']) == (2, 5)
    assert len(list(values['rows'])) == 5


def test_regions_and_tissues(tmp_path):
    results = measure(tmp_path, count=5, phantom=True)
    values = page_values(subject(phantom=True), results)
    table = results.regions.table()
    assert values['regions']['count'] == 5
    mean, sd = table.inside_mae.mean(), table.inside_mae.std()
    assert values['regions']['inside'] == f'{mean:.2f} ± {sd:.2f}'
    assert values['regions']['example'] == results.ranking()[2]
    assert [row['name'] for row in values['tissues']] == results.tissues.index.tolist()


def test_without_landmarks_there_are_no_regions(tmp_path):
    values = page_values(subject(), measure(tmp_path, boxes=False))
    assert values['regions'] is None
    assert all(len(row['cells']) == len(METRICS) for row in values['rows'])
    assert values['tissues'] == []


def test_numbers_that_are_none(results):
    assert report_page.number_text(math.nan, 'mae') == '–'
    assert report_page.number_text(math.inf, 'psnr_db') == 'inf'
    values = page_values(
        subject(), dataclasses.replace(results, cases=equal_pictures(results.cases))
    )
    last = list(values['rows'])[-1]['cells']
    assert last[:6] == ['0.00', '0.00', 'inf', 'inf', '1.000', '–']


def test_links_lead_to_the_files_whatever_a_pair_is_called(tmp_path):
    results = measure(tmp_path, count=1, prefix='50% #1 ')
    card = next(page_values(subject(), results)['cards'])
    assert card['slices_link'] == 'pictures/50%25%20%231%20000_L3.png'
    assert card['thumbnail'].startswith('data:image/jpeg;base64,')
    assert np.isclose(card['width'] / card['height'], (4 * 32 + 12) / 24)
