import pytest

from ct2mr_tf.imaging import case_lists
from ct2mr_tf.imaging.landmarks import LEVELS
from ct2mr_tf.problems import UserError

COLUMNS = [
    'patient',
    'level',
    'ct_sop_instance_uid',
    'mr_sop_instance_uid',
    'unit',
    *(f'{m}_{p}_{a}' for m in ('ct', 'mr') for p in ('sac', 'ventral', 'left') for a in 'xyz'),
]


def table(tmp_path, *rows, columns=COLUMNS):
    path = tmp_path / 'list.csv'
    path.write_text('\n'.join([','.join(columns), *rows]), encoding='utf-8')
    return path


def found(call, path):
    with pytest.raises(UserError) as caught:
        call(path, 'list')
    return [(problem.where, problem.found) for problem in caught.value.problems]


def test_exclusions_of_a_level_and_of_a_whole_patient(tmp_path):
    path = table(
        tmp_path,
        'anna,l4/5,fracture',
        'berta,,tumour',
        'berta,L1-2,infection',
        columns=case_lists.EXCLUSION_COLUMNS,
    )
    assert case_lists.read_exclusions(path, 'list') == {
        'anna': {'L4-5': 'fracture'},
        'berta': dict.fromkeys(LEVELS, 'tumour'),
    }


def test_wrong_exclusions(tmp_path):
    path = table(tmp_path, ',L4-5,', 'anna,L7-8,x', columns=case_lists.EXCLUSION_COLUMNS)
    assert found(case_lists.read_exclusions, path) == [
        ('list, row 2', 'no patient'),
        ('list, row 2', 'no reason'),
        ('list, row 3', 'the level L7-8'),
    ]


def test_listed_pairs_in_millimetres_and_pixels(tmp_path):
    path = table(
        tmp_path,
        'anna,L4-5,1.2,3.4,mm,1,2,3,1,-38,3,,,,4,5,6,4,-35,6,34,5,6',
        'anna,L5/S1,1.2,3.4,Pixel,100,200,,100,120,,,,,90,180,,90,100,,,,',
    )
    first, second = case_lists.read_listed_pairs(path, 'list')
    assert (first.patient, first.level, first.ct.unit) == ('anna', 'L4-5', 'mm')
    assert (first.ct.sop_instance_uid, first.mr.sop_instance_uid) == ('1.2', '3.4')
    assert {name: value.tolist() for name, value in first.ct.points.items()} == {
        'sac': [1, 2, 3],
        'ventral': [1, -38, 3],
    }
    assert first.mr.points['left'].tolist() == [34, 5, 6]
    assert (second.level, second.mr.unit) == ('L5-S1', 'pixel')
    assert second.ct.points['ventral'].tolist() == [100, 120, 0]


def test_wrong_listed_pairs(tmp_path):
    good = '1,2,3,1,-38,3,,,,4,5,6,4,-35,6,,,'
    path = table(
        tmp_path,
        f'anna,L4-5,1.2,3.4,mm,{good}',
        f'anna,l45,1.2,3.4,mm,{good}',
        f',L0-1,,3.4,cm,{good}',
        'berta,L4-5,1.2,3.4,mm,1,2,,1,-38,3,1,,,4,5,6,4,-35,nan,,,',
    )
    assert found(case_lists.read_listed_pairs, path) == [
        ('list, row 3', 'the same patient and level as list, row 2'),
        ('list, row 4', 'no patient'),
        ('list, row 4', 'no ct_sop_instance_uid'),
        ('list, row 4', 'the level L0-1'),
        ('list, row 4', 'another unit'),
        ('list, row 5', 'no finite numbers for ct_sac'),
        ('list, row 5', 'no finite numbers for ct_left'),
        ('list, row 5', 'no finite numbers for mr_ventral'),
    ]


def test_nothing_shows_whose_pair_it_is(tmp_path):
    path = table(tmp_path, 'MEYER,L4-5,1.22,1.22,mm,1,2,3,1,-38,3,,,,4,5,6,4,-35,6,,,')
    shown = repr(case_lists.read_listed_pairs(path, 'list'))
    assert 'MEYER' not in shown
    assert '1.22' not in shown
