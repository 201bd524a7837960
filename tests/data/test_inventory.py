import cv2
import numpy as np
import pytest
from study_builders import FEET_FIRST, Study, write_study

from ct2mr_tf.data import inventory
from ct2mr_tf.data.patients import Roster
from ct2mr_tf.evaluation.figures import TEXT_HEIGHT
from ct2mr_tf.imaging import dicom_reader
from ct2mr_tf.imaging.dicom_reader import ReadOptions
from ct2mr_tf.imaging.pairing_rules import PairingOptions
from ct2mr_tf.imaging.pseudonyms import Pseudonyms

NAMES = Pseudonyms(b'0123456789abcdef')

STUDIES = (
    Study('one', tilts=(('L3-4', -3.0), ('L4-5', 8.0)), mr_date='20190405'),
    Study('two', mr_directions=FEET_FIRST, mr_date='00010101', attributes={'StudyDate': ''}),
)


@pytest.fixture(scope='module')
def dicom(tmp_path_factory):
    root = tmp_path_factory.mktemp('studies')
    for study in STUDIES:
        write_study(root, study)
    return root


def roster_of(root):
    return Roster(dicom_reader.scan(root, ReadOptions(workers=1), NAMES).stacks, NAMES)


def test_the_table_has_a_row_for_each_stack(dicom):
    table = inventory.inventory_table(roster_of(dicom), PairingOptions())
    one = table[table.patient_id == NAMES.patient('one')].set_index('stack')
    assert sorted(one.index) == [f'{NAMES.patient("one")}_s0{number}' for number in (1, 2, 3)]
    (ct,) = one[one.modality == 'CT'].to_dict('records')
    assert (ct['orientation'], ct['description']) == ('axial', 'ax bone thin')
    assert (ct['rows'], ct['columns'], ct['row_mm'], ct['step_mm']) == (72, 72, '1.5', '1.5')
    assert (ct['t2'], ct['days'], ct['echo_time_ms'], ct['pairing']) == ('', 0, '', 'yes')
    packets = one[one.modality == 'MR'].to_dict('records')
    assert [packet['slices'] for packet in packets] == [3, 3]
    for packet in packets:
        assert (packet['t2'], packet['days'], packet['pairing']) == ('yes', 3, 'yes')
        assert (packet['slice_mm'], packet['step_mm']) == ('4', '4.4')
        assert (packet['echo_time_ms'], packet['repetition_time_ms']) == ('100', '4000')
    assert packets[0]['frame'] == packets[1]['frame'] != ct['frame']


def test_series_that_name_no_frame_share_none(tmp_path):
    study = Study('one', tilts=(('L4-5', 0.0),), attributes={'FrameOfReferenceUID': ''})
    write_study(tmp_path, study)
    table = inventory.inventory_table(roster_of(tmp_path), PairingOptions())
    assert table.frame.tolist() == [1, 2]


def test_an_unknown_date_is_called_unknown(dicom):
    table = inventory.inventory_table(roster_of(dicom), PairingOptions())
    two = table[table.patient_id == NAMES.patient('two')].set_index('modality')
    assert two.days.to_dict() == {'CT': 0, 'MR': 'unknown'}
    assert 'the date is unknown' in two.notes['MR']


def test_series_that_are_not_asked_for_are_no_candidates(dicom):
    table = inventory.inventory_table(roster_of(dicom), PairingOptions(ct_series='soft'))
    assert set(table[table.modality == 'CT'].pairing) == {'no'}
    assert set(table[table.modality == 'MR'].pairing) == {'yes'}


def no_progress(done, total):
    pass


def test_each_stack_has_a_contact_sheet_and_old_ones_go(dicom, tmp_path):
    (tmp_path / 'P0123456789ab_s07.png').write_bytes(b'of a patient who is gone')
    (tmp_path / 'mine.png').write_bytes(b'of somebody else')
    roster = roster_of(dicom)
    assert inventory.write_sheets(roster, tmp_path, 1, no_progress) == []
    names = set(inventory.inventory_table(roster, PairingOptions())['stack'])
    assert {path.name for path in tmp_path.iterdir()} == {
        'mine.png',
        *(f'{name}.png' for name in names),
    }


def test_two_workers_write_the_same_sheets_as_one(dicom, tmp_path):
    for workers in (1, 2):
        inventory.write_sheets(roster_of(dicom), tmp_path / f'{workers}', workers, no_progress)
    for path in (tmp_path / '1').iterdir():
        assert path.read_bytes() == (tmp_path / '2' / path.name).read_bytes()


def test_a_sheet_shows_slices_at_equal_distances_from_first_to_last(dicom, tmp_path):
    (ct,) = (
        stack for stack in roster_of(dicom).stacks[NAMES.patient('one')] if stack.modality == 'CT'
    )
    assert len(ct.slices) > inventory.SHEET_SLICES
    path = tmp_path / 'P0123456789ab_s01.png'
    assert inventory.write_sheet(path, ct) == []
    sheet = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    side = inventory.TILE_SIDE
    rows = inventory.SHEET_SLICES // inventory.SHEET_COLUMNS
    assert sheet.shape[0] == TEXT_HEIGHT + rows * (side + TEXT_HEIGHT)
    for corner, index in (((TEXT_HEIGHT, 0), 0), ((-side - TEXT_HEIGHT, -side), -1)):
        top, left = (place % length for place, length in zip(corner, sheet.shape, strict=True))
        shown = sheet[top : top + side, left : left + side]
        brightest = np.unravel_index(shown.argmax(), shown.shape)
        sac = ct.geometry.to_pixels(index, np.array(STUDIES[0].ct_shift)) * side / 72
        assert brightest == pytest.approx(sac, abs=3)


def test_slices_that_cannot_be_read_are_told_and_grey(dicom, tmp_path):
    write_study(tmp_path, Study('three'))
    roster = roster_of(tmp_path)
    stack = next(one for one in roster.stacks[NAMES.patient('three')] if one.modality == 'MR')
    broken = stack.slices[0].place
    broken.path.write_bytes(b'')
    path = tmp_path / 'sheet.png'
    assert [problem.where for problem in inventory.write_sheet(path, stack)] == [broken.pseudonym]
    sheet = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[TEXT_HEIGHT:]
    assert (sheet[: inventory.TILE_SIDE, : inventory.TILE_SIDE] == 128).all()
    assert sheet[: inventory.TILE_SIDE, inventory.TILE_SIDE + 4 :].std() > 10


def test_a_sheet_has_the_proportions_of_the_patient(tmp_path):
    def squeeze(study):
        return {**study.attributes, 'PixelSpacing': [1.5, 3.0]}

    study = Study('four')
    write_study(tmp_path, Study('four', attributes=squeeze(study)))
    stack = roster_of(tmp_path).stacks[NAMES.patient('four')][0]
    inventory.write_sheet(tmp_path / 'sheet.png', stack)
    sheet = cv2.imread(str(tmp_path / 'sheet.png'), cv2.IMREAD_UNCHANGED)
    assert sheet.shape[0] == TEXT_HEIGHT + inventory.TILE_SIDE // 2 + TEXT_HEIGHT
