"""Answers beside the key: what a reader said becomes what it means."""

import numpy as np
import pandas as pd
import pytest
import simulated_readers

from ct2mr_tf.problems import UserError
from ct2mr_tf.reader_study import study_answers, study_key


def simulated(folder, kind, **shape):
    folder.mkdir(exist_ok=True)
    return simulated_readers.simulated_study(folder, simulated_readers.study_of(kind, **shape))


def joined(study, sheets):
    return study_answers.read_study_answers(study.folder, study.study, sheets)


def test_choices_are_in_the_order_of_the_cases_whatever_was_shown_when(tmp_path):
    study = simulated(tmp_path, 'forced_choice', readers=2, cases=5)
    taken = np.array([[1, 0], [0, 0], [1, 1], [0, 1], [0, 0]], bool)
    answers = joined(study, [study.chooser(number, taken[:, number]) for number in range(2)])
    choices = answers.choices
    assert choices['pair_id'].tolist() == 2 * study.cases.index.tolist()
    assert choices['taken'].tolist() == taken.T.ravel().tolist()
    trials = answers.answers['trial'].tolist()
    assert sorted(trials[:5]) == [1, 2, 3, 4, 5]
    assert trials[:5] != trials[5:]
    assert answers.missing_readers == ()


def test_a_yes_no_study_asks_of_real_and_synthetic(tmp_path):
    study = simulated(tmp_path, 'yes_no', readers=1, cases=4)
    answers = joined(study, [study.sheet(0, lambda case, truth, _: 'real')])
    assert len(answers.given) == 8
    assert answers.choices['taken'].tolist() == [True] * 4
    right = joined(study, [study.sheet(0, lambda case, truth, _: truth)])
    assert right.choices['taken'].tolist() == [False] * 4


def test_what_was_left_out_is_no_answer(tmp_path):
    study = simulated(tmp_path, 'similarity', readers=2, cases=2, items=('Disc', 'Bone'))

    def say(case, _, item):
        return '' if (case, item) == (1, 'Disc') else f'{70 + case}'

    answers = joined(study, [study.sheet(1, say)])
    assert len(answers.answers) == 4
    assert answers.scores[['item', 'percent']].to_numpy().tolist() == [
        ['Disc', 70.0],
        ['Bone', 70.0],
        ['Bone', 71.0],
    ]
    assert answers.missing_readers == ('reader_01',)


def test_metrics_come_as_numbers_also_those_that_are_none(tmp_path):
    metrics = simulated_readers.drawn_metrics(np.random.default_rng(0), 3)
    metrics.loc[metrics.index[0], ['psnr_db', 'pearson']] = [np.inf, np.nan]
    (tmp_path / 'study').mkdir()
    study = simulated_readers.simulated_study(
        tmp_path / 'study',
        simulated_readers.study_of('forced_choice', readers=1, cases=3),
        metrics=metrics,
    )
    found = joined(study, [study.chooser(0, [True] * 3)]).cases
    pd.testing.assert_frame_equal(found, metrics.rename_axis('pair_id'))


@pytest.mark.parametrize(
    ('edit', 'found'),
    [
        (lambda text: text.rsplit('\n', 2)[0] + '\n', '4 cases'),
        (lambda text: text.split('\n')[0] + '\n', '0 cases'),
        (lambda text: text.replace('ssim', 'mse'), 'no column ssim'),
        (lambda text: text.replace('P002', 'P001'), 'a pair twice'),
        (lambda text: text.replace('2,P002_L4-5,', '2,P002_L4-5,x'), 'a case without numbers'),
        (
            lambda text: '\n'.join([(lines := text.split())[0], *lines[:0:-1], '']),
            'cases in another order',
        ),
    ],
)
def test_damaged_cases_are_refused(tmp_path, edit, found):
    study = simulated(tmp_path, 'forced_choice', readers=1, cases=5)
    path = tmp_path / study_key.KEY_FOLDER / study_key.CASES_FILE
    path.write_text(edit(path.read_text()))
    with pytest.raises(UserError) as caught:
        joined(study, [study.chooser(0, [True] * 5)])
    assert [problem.found for problem in caught.value.problems] == [found]


def test_complete_leaves_out_what_a_reader_left_out():
    answers = pd.DataFrame(
        {
            'reader': ['b', 'b', 'b', 'a', 'a'],
            'pair_id': ['1', '2', '3', '3', '1'],
            'taken': [True, False, False, True, False],
        }
    )
    found = study_answers.complete(answers, ['pair_id'], 'taken')
    assert found.dtype == bool
    # The columns are readers b and a.
    assert found.tolist() == [[True, False], [False, True]]
