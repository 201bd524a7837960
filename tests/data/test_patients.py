import numpy as np
import pytest
from study_builders import Study, write_study

from ct2mr_tf.data.patients import (
    Decisions,
    Roster,
    gather_cases,
    join_patients,
    read_split_table,
)
from ct2mr_tf.imaging import dicom_reader
from ct2mr_tf.imaging.crop import DiscPoints
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.problems import UserError

NAMES = Pseudonyms(b'0123456789abcdef')

DISC = {'L4-5': DiscPoints(np.zeros(3), np.array([0.0, -40, 0]))}


@pytest.fixture(scope='module')
def stacks(tmp_path_factory):
    root = tmp_path_factory.mktemp('studies')
    for name, issuer in (('known', ''), ('other', ''), ('twin', 'A'), ('twin', 'B')):
        write_study(root, Study(name, issuer, size=8, spacing=10.0, ct_step=20.0))
    return dicom_reader.scan(root, ReadOptions(workers=1), NAMES).stacks


@pytest.fixture
def roster(stacks):
    return Roster(stacks, NAMES)


def problems_of(call, *arguments):
    with pytest.raises(UserError) as caught:
        call(*arguments)
    return caught.value.problems


def test_a_patient_is_found_by_patient_id_and_by_pseudonym(roster):
    pseudonym = NAMES.patient('known')
    assert roster.find('known') == roster.find(pseudonym) == (pseudonym, [])
    assert {stack.modality for stack in roster.stacks[pseudonym]} == {'CT', 'MR'}
    assert roster.names[pseudonym] == 'known'


def test_an_unknown_patient_gets_a_pseudonym_that_the_map_explains(roster):
    assert roster.find('nobody') == (NAMES.patient('nobody'), [])
    assert roster.names[NAMES.patient('nobody')] == 'nobody'
    assert NAMES.patient('nobody') not in roster.stacks


def test_two_patients_with_one_patient_id_are_told_apart_by_pseudonym_only(roster):
    _, problems = roster.find('twin')
    assert [problem.found for problem in problems] == [
        '2 patients with this PatientID, of several issuers'
    ]
    assert roster.find(NAMES.patient('twin', 'B')) == (NAMES.patient('twin', 'B'), [])


def test_cases_bring_points_and_exclusions_of_a_patient_together(roster):
    pseudonym = NAMES.patient('known')
    landmarks = {('known', 'CT'): DISC, (pseudonym, 'MR'): DISC, ('nobody', 'CT'): DISC}
    excluded = {'known': {'L3-4': 'tumour'}, 'other': {'L5-S1': 'fracture'}}
    cases = gather_cases(roster, Decisions(landmarks, (), excluded))
    assert [case.pseudonym for case in cases] == sorted(case.pseudonym for case in cases)
    found = {case.pseudonym: case for case in cases}
    assert set(found) == {pseudonym, NAMES.patient('nobody'), NAMES.patient('other')}
    assert found[pseudonym].points == {'CT': DISC, 'MR': DISC}
    assert found[pseudonym].excluded == {'L3-4': 'tumour'}
    assert found[NAMES.patient('nobody')].stacks == ()
    assert len(found[NAMES.patient('other')].stacks) == 2


def test_contradictions_about_patients_are_told_together_and_name_nobody(roster):
    pseudonym = NAMES.patient('known')
    landmarks = {('known', 'CT'): DISC, (pseudonym, 'CT'): DISC, ('twin', 'MR'): DISC}
    problems = problems_of(
        gather_cases, roster, Decisions(landmarks, (), {'nobody': {'L1-2': 'infection'}})
    )
    text = '\n'.join(map(str, problems))
    assert len(problems) == 3
    for part in (
        'L4-5 under two names of the patient',
        'not in the studies',
        'issuers',
    ):
        assert part in text
    assert not any(name in text for name in ('known', 'twin', 'nobody'))


def test_splits_are_read_from_a_table(roster, tmp_path):
    cases = gather_cases(roster, Decisions({('known', 'CT'): DISC, ('other', 'CT'): DISC}))
    table = tmp_path / 'splits.csv'
    table.write_text(f'patient,split\nknown,Train\n{NAMES.patient("other")},test\n')
    assert read_split_table(table, '--split_table', roster, cases) == {
        NAMES.patient('known'): 'train',
        NAMES.patient('other'): 'test',
    }


def test_a_wrong_table_of_splits_is_refused_with_all_its_faults(roster, tmp_path):
    cases = gather_cases(roster, Decisions({('other', 'CT'): DISC}))
    table = tmp_path / 'splits.csv'
    table.write_text('patient,split\nknown,train\nknown,test\nnobody,never\n')
    problems = problems_of(read_split_table, table, '--split_table', roster, cases)
    assert [problem.where for problem in problems] == [
        '--split_table, row 3',
        '--split_table, row 4',
        '--split_table',
    ]
    assert 'known' not in '\n'.join(map(str, problems)).replace('unknown', '')


def test_two_names_of_one_person_are_one_patient_by_either_name(roster, tmp_path):
    table = tmp_path / 'same.csv'
    twin, other = NAMES.patient('twin', 'B'), NAMES.patient('other')
    table.write_text(f'patient,same_as\nknown,other\n{twin},other\n')
    join_patients(table, '--same_patients', roster)
    assert set(roster.stacks) == {NAMES.patient('twin', 'A'), other}
    assert len(roster.stacks[other]) == 6
    for name in ('known', NAMES.patient('known'), 'other', other, twin):
        assert roster.find(name) == (other, [])
    # The other of the twins is no longer meant by the name that both had.
    assert len(roster.find('twin')[1]) == 1
    (case,) = gather_cases(roster, Decisions({('known', 'CT'): DISC, ('other', 'MR'): DISC}))
    assert case.points == {'CT': DISC, 'MR': DISC}
    problems = problems_of(
        gather_cases, roster, Decisions({('known', 'CT'): DISC, ('other', 'CT'): DISC})
    )
    assert 'L4-5 under two names' in problems[0].found


def test_a_wrong_table_of_names_is_refused_with_all_its_faults(roster, tmp_path):
    table = tmp_path / 'same.csv'
    before = {name: list(stacks) for name, stacks in roster.stacks.items()}
    twin = NAMES.patient('twin', 'A')
    table.write_text(
        'patient,same_as\n'
        f'known,other\nknown,{twin}\nother,{twin}\n{twin},{twin}\nnobody,other\nother,\ntwin,known\n'
    )
    problems = problems_of(join_patients, table, '--same_patients', roster)
    assert [(problem.where, problem.found.split()[-1]) for problem in problems] == [
        ('--same_patients, row 3', 'time'),
        ('--same_patients, row 6', 'there'),
        ('--same_patients, row 7', 'there'),
        ('--same_patients, row 7', 'time'),
        (f'patient {NAMES.patient("twin")}', 'issuers'),
        *[('--same_patients', 'columns')] * 3,
    ]
    assert not any(name in '\n'.join(map(str, problems)) for name in ('nobody', 'other'))
    assert roster.stacks == before
