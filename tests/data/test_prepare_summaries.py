import collections
import types

import pandas as pd

from ct2mr_tf.data import prepare_summaries
from ct2mr_tf.data.building import Result
from ct2mr_tf.data.patients import PatientCase, Roster
from ct2mr_tf.imaging.dicom_reader import Scan
from ct2mr_tf.imaging.pseudonyms import Pseudonyms


def roster_of(*pseudonyms):
    roster = Roster([], Pseudonyms(b'0123456789abcdef'))
    roster.stacks.update({pseudonym: [] for pseudonym in pseudonyms})
    return roster


def test_what_a_scan_found_is_counted_by_reason():
    stacks = tuple(types.SimpleNamespace(slices=(0,) * count) for count in (3, 40))
    skipped = collections.Counter({'localizer': 2, 'not a DICOM file': 11})
    found = Scan(stacks, skipped, (), 60, 5, {})
    assert prepare_summaries.scan_summary(
        found, roster_of('P1'), 4, 'my_unread.csv'
    ).splitlines() == [
        '60 files: 43 slices in 2 stacks of 1 patients',
        '      11 left out: not a DICOM file',
        '       2 left out: localizer',
        '       4 cannot be read as they should be: see my_unread.csv',
        '       5 warnings of the reader were held back',
    ]


def test_stacks_are_counted_by_kind():
    columns = ['modality', 'orientation', 'pairing']
    table = pd.DataFrame([['MR', 'axial', 'yes']] * 3 + [['CT', 'axial', 'no']], columns=columns)
    text = prepare_summaries.stack_summary(table)
    assert [line.split() for line in text.splitlines()[1:]] == [
        ['CT', 'axial', 'no', '1'],
        ['MR', 'axial', 'yes', '3'],
    ]
    assert prepare_summaries.stack_summary(pd.DataFrame(columns=columns)) == 'no CT and no MR'


def test_what_was_built_is_counted_by_split_and_what_was_refused_by_reason():
    pairs = pd.DataFrame(
        {
            'patient_id': ['P1', 'P1', 'P2'],
            'split': ['train', 'train', 'test'],
            'warnings': ['', 'the planes differ', ''],
        }
    )
    refused = pd.DataFrame({'reason': ['no landmarks', 'excluded by hand', 'no landmarks']})
    result = Result(pairs, refused, done_before=2)
    cases = [PatientCase('P1'), PatientCase('P2')]
    text = prepare_summaries.build_summary(result, roster_of('P1', 'P2', 'P3'), cases)
    assert text.splitlines() == [
        '2 patients had been done before.',
        '3 pairs of 2 patients',
        '       2 train, of 1 patients',
        '       0 val, of 0 patients',
        '       1 test, of 1 patients',
        '       1 with a warning: see their overviews',
        '1 patients of the studies without landmarks',
        '3 discs refused',
        '       1 excluded by hand',
        '       2 no landmarks',
    ]
