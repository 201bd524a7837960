"""The key of a reader study: what comes back, and what is refused."""

import pytest

from ct2mr_tf.problems import UserError
from ct2mr_tf.reader_study import study_key
from ct2mr_tf.reader_study.study_files import Study

STUDY = Study('S0123456789ab', 'similarity', 2, 2, ('reader_01', 'reader_02'), ('Bone', 'Fat'))


def write_key(folder, rows):
    (folder / 'key').mkdir(exist_ok=True)
    lines = [','.join(study_key.KEY_COLUMNS), *(','.join(map(str, row)) for row in rows)]
    (folder / 'key' / 'key.csv').write_text('\n'.join(lines) + '\n')


def whole_key():
    return [
        (STUDY.study_id, reader, trial, case, '')
        for reader in STUDY.readers
        for trial, case in ((2, 1), (1, 2))
    ]


def key_problem(folder):
    with pytest.raises(UserError) as caught:
        study_key.read_key(folder, STUDY)
    return caught.value.problems[0]


def test_the_key_in_the_order_of_trials(tmp_path):
    write_key(tmp_path, whole_key())
    trials = ((2, ''), (1, ''))
    assert study_key.read_key(tmp_path, STUDY) == {'reader_01': trials, 'reader_02': trials}


@pytest.mark.parametrize(
    ('column', 'value'),
    [(0, 'S999999999999'), (2, 'two'), (2, '9' * 5000), (3, '3'), (3, '0'), (4, 'real')],
)
def test_a_row_of_the_key_that_is_not_of_the_study(tmp_path, column, value):
    rows = [list(row) for row in whole_key()]
    rows[1][column] = value
    write_key(tmp_path, rows)
    problem = key_problem(tmp_path)
    assert problem.where.endswith('key.csv, row 3')
    assert value[:40] in problem.found
    assert len(problem.found) < 100


def test_a_key_that_is_not_whole(tmp_path):
    assert key_problem(tmp_path).found == 'No such file or directory'
    write_key(tmp_path, whole_key()[:3])
    assert key_problem(tmp_path).found == '1 trials of reader_02'
    write_key(tmp_path, [*whole_key()[:3], whole_key()[2]])
    assert key_problem(tmp_path).expected == 'trials 1 to 2'
    (tmp_path / 'key' / 'key.csv').write_text('study_id,reader\n')
    assert key_problem(tmp_path).found == 'no column case, trial, truth'
    (tmp_path / 'key' / 'key.csv').write_text(','.join(study_key.KEY_COLUMNS) + '\nS01\n')
    assert key_problem(tmp_path).where.endswith('row 2')
    (tmp_path / 'key' / 'key.csv').write_text(','.join(study_key.KEY_COLUMNS) + '\n1,2,3,4,5,6\n')
    assert key_problem(tmp_path).found == '6 values under 5 headings'
    (tmp_path / 'key' / 'key.csv').write_bytes(b'\xff\xfe')
    assert key_problem(tmp_path).found == 'text that is not UTF-8'
