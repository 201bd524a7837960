"""Patients and splits: drawn whole, fairly and reproducibly; a table that mixes them is refused."""

import pathlib

import hypothesis
import pytest
from hypothesis import strategies

from ct2mr_tf.data.splits import (
    SPLITS,
    assign_splits,
    read_table,
    shared_patients,
    table_problems,
)

PATIENTS = strategies.lists(
    strategies.text('abcdefgh0123456789', min_size=1, max_size=6), unique=True, max_size=40
)
SEEDS = strategies.integers(0, 2**32)


@strategies.composite
def shares(draw):
    """Shares of train, val and test that add up to 1; some may be zero."""
    weights = draw(strategies.tuples(*[strategies.integers(0, 10)] * 3).filter(any))
    return tuple(weight / sum(weights) for weight in weights)


@hypothesis.given(PATIENTS, shares(), SEEDS)
def test_every_patient_gets_one_of_the_splits_asked_for(patients, fractions, seed):
    assigned = assign_splits(patients, fractions, seed)
    assert set(assigned) == set(patients)
    wanted = {split for split, share in zip(SPLITS, fractions, strict=True) if share > 0}
    assert set(assigned.values()) <= wanted
    if len(patients) >= 3:
        assert set(assigned.values()) == wanted


@hypothesis.given(PATIENTS, shares(), SEEDS, strategies.randoms())
def test_the_order_of_the_patients_does_not_matter(patients, fractions, seed, random):
    shuffled = random.sample(patients, len(patients))
    assert assign_splits(shuffled, fractions, seed) == assign_splits(patients, fractions, seed)


@hypothesis.given(strategies.integers(10, 200), shares(), SEEDS)
def test_the_counts_follow_the_shares(count, fractions, seed):
    assigned = list(assign_splits([f'p{n}' for n in range(count)], fractions, seed).values())
    for split, share in zip(SPLITS, fractions, strict=True):
        # Rounding of two splits, and one patient for each split with a small share.
        assert abs(assigned.count(split) - share * count) <= 2


def test_counts_by_hand():
    assigned = list(assign_splits([str(n) for n in range(20)], (0.8, 0.1, 0.1), 0).values())
    assert [assigned.count(split) for split in SPLITS] == [16, 2, 2]
    assigned = list(assign_splits(['a', 'b', 'c'], (0.98, 0.01, 0.01), 0).values())
    assert sorted(assigned) == ['test', 'train', 'val']


def test_other_seeds_give_other_splits():
    patients = [f'p{n}' for n in range(30)]
    drawn = [tuple(assign_splits(patients, (0.6, 0.2, 0.2), seed).items()) for seed in range(5)]
    assert len({tuple(sorted(items)) for items in drawn}) == 5


@pytest.mark.parametrize(
    ('patients', 'fractions', 'message'),
    [
        (['a', 'a'], (1, 0, 0), 'twice'),
        (['a'], (0.5, 0.2, 0.2), 'add up to 1'),
        (['a'], (1.5, -0.5, 0.0), 'add up to 1'),
    ],
)
def test_contradictory_wishes(patients, fractions, message):
    with pytest.raises(ValueError, match=message):
        assign_splits(patients, fractions, 0)


LISTED = {
    'train': (pathlib.Path('train/a.png'), pathlib.Path('train/b.png')),
    'val': (pathlib.Path('val/c.png'),),
    'test': (),
}
GOOD = 'pair_id,patient_id,split\na,p,train\nb,p,train\nc,q,val\n'


def problems_of(tmp_path, text):
    path = tmp_path / 'pairs.csv'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return table_problems(path, LISTED)


@pytest.mark.parametrize(
    'text',
    [
        GOOD,
        GOOD.replace('\n', '\r\n'),
        '\ufeff' + GOOD,
        GOOD.rstrip('\n'),
        'split,level,pair_id,patient_id\ntrain,L1-2,a,p\ntrain,L2-3,b,p\nval,L4-5,c,q\n',
    ],
    ids=['plain', 'Windows', 'byte order mark', 'no newline', 'other columns and order'],
)
def test_a_good_table(tmp_path, text):
    assert problems_of(tmp_path, text) == []


def test_no_table(tmp_path):
    assert table_problems(tmp_path / 'pairs.csv', LISTED) == []
    assert read_table(tmp_path / 'pairs.csv') is None


def test_ids_are_read_as_text(tmp_path):
    (tmp_path / 'pairs.csv').write_text('pair_id,patient_id,split\n001,NA,train\n')
    table = read_table(tmp_path / 'pairs.csv')
    assert table.loc[0].to_dict() == {'pair_id': '001', 'patient_id': 'NA', 'split': 'train'}


@pytest.mark.parametrize(
    ('text', 'missing'),
    [
        ('pair_id,patient_id\na,p\n', 'split'),
        ('pair;patient;split\na;p;train\n', 'pair_id, patient_id, split'),
        ('Pair_id,patient_id,split\na,p,train\n', 'pair_id'),
    ],
)
def test_missing_columns(tmp_path, text, missing):
    (problem,) = problems_of(tmp_path, text)
    assert problem.where == 'pairs.csv'
    assert problem.found == f'no column {missing}'
    assert problem.expected == 'pair_id, patient_id, split'


@pytest.mark.parametrize(
    'content',
    [b'', b'\xff\xfe\x00\x01\n', b'pair_id,patient_id,split\na,p,train\nb,p,train,x,y\n'],
    ids=['empty', 'no text', 'ragged'],
)
def test_a_file_that_is_no_table(tmp_path, content):
    (problem,) = problems_of(tmp_path, content)
    assert problem.where == 'pairs.csv'
    assert problem.expected == 'a CSV table'


@pytest.mark.parametrize(
    ('old', 'new', 'where', 'found'),
    [
        ('a,p,train', 'a,p,training', 'pairs.csv, line 2', "split 'training'"),
        ('a,p,train', 'a,p,', 'pairs.csv, line 2', "split ''"),
        ('b,p,train', 'b,,train', 'pairs.csv, line 3', 'no patient_id'),
        ('c,q,val\n', 'c,q,val\nd,q,val\n', 'pairs.csv, line 5', 'no val/d.png'),
        ('c,q,val\n', '', 'val/c.png', 'no row in pairs.csv'),
        ('c,q,val\n', 'c,q,val\nc,q,val\n', 'pairs.csv', 'pair c more than once'),
        ('c,q,val', 'c,p,val', 'pairs.csv, patient p', 'pairs in train and val'),
    ],
)
def test_a_wrong_row(tmp_path, old, new, where, found):
    assert old in GOOD
    problems = problems_of(tmp_path, GOOD.replace(old, new))
    assert (where, found) in [(problem.where, problem.found) for problem in problems]
    assert all(problem.expected and problem.cure for problem in problems)


def test_a_row_cut_short_is_no_way_around_the_check(tmp_path):
    text = 'pair_id,split,patient_id\na,train,p\nb,train\nc,val,q\n'
    (problem,) = problems_of(tmp_path, text)
    assert (problem.where, problem.found) == ('pairs.csv, line 3', 'no patient_id')


def test_all_patients_in_two_splits_are_named(tmp_path):
    text = 'pair_id,patient_id,split\na,p,train\nb,q,train\nc,p,val\nd,q,test\n'
    listed = {**LISTED, 'test': (pathlib.Path('test/d.png'),)}
    (tmp_path / 'pairs.csv').write_text(text)
    found = {p.where: p.found for p in table_problems(tmp_path / 'pairs.csv', listed)}
    assert found == {
        'pairs.csv, patient p': 'pairs in train and val',
        'pairs.csv, patient q': 'pairs in test and train',
    }


def test_patients_measured_and_trained_on_are_found(tmp_path):
    tables = {
        'here': 'pair_id,patient_id,split\na,P1,train\nb,P2,test\nc,P3,val\n',
        'there': 'pair_id,patient_id,split\na,P1,test\nb,P2,train\nc,P3,test\nd,P4,test\n',
    }
    here, there = (tmp_path / name for name in tables)
    for path in (here, there):
        path.write_text(tables[path.name])
    assert shared_patients(there, 'test', here) == ['P1']
    assert shared_patients(here, 'test', there) == ['P2']
    assert shared_patients(here, 'test', here) == []
    assert shared_patients(there, 'test', tmp_path / 'none') == []


CONTENT = strategies.binary(max_size=300)
NEARLY_CSV = strategies.text('pair_id,t\n"\r 0é', max_size=80).map(str.encode)


@hypothesis.given(content=CONTENT | NEARLY_CSV)
def test_whatever_a_table_holds_is_told_as_problems(tmp_path_factory, content):
    path = tmp_path_factory.mktemp('any') / 'pairs.csv'
    path.write_bytes(content)
    listed = {'train': (path.parent / 'train' / 'a.png',), 'val': (), 'test': ()}
    # No table speaks of this picture by chance.
    assert table_problems(path, listed)


@hypothesis.given(content=CONTENT)
def test_rows_of_any_bytes_are_told_as_problems(tmp_path_factory, content):
    path = tmp_path_factory.mktemp('any') / 'pairs.csv'
    path.write_bytes(b'pair_id,patient_id,split\na,one,train\n' + content)
    listed = {'train': (path.parent / 'train' / 'a.png',), 'val': (), 'test': ()}
    for problem in table_problems(path, listed):
        assert problem.where
        assert problem.cure
