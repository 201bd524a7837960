"""The command as a person runs it. What it builds is tested in tests/data."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pydicom
import pytest
from folder_trees import tree
from study_builders import Study, write_cohort

from ct2mr_tf.imaging import case_lists, landmarks
from ct2mr_tf.imaging.pseudonyms import Pseudonyms

PREPARE = ('-m', 'ct2mr_tf.cli.prepare')

STUDIES = tuple(
    Study(f'patient{number}', tilts=(('L3-4', -3.0), ('L4-5', 8.0))) for number in range(6)
)

KEY = '00112233445566778899aabbccddeeff'

SECRET = 'Wieland'
"""Stands in every text, folder and file name of a study: no output may show it."""

SECRET_DAY = '20190402'


@pytest.fixture(scope='module')
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp('cohort')
    write_cohort(folder, STUDIES)
    key = folder / 'key'
    key.write_text(KEY)
    key.chmod(0o600)
    return folder


def arguments(cohort, out, *more):
    return (
        *PREPARE, 'build', f'--dicom_root={cohort}/dicom', f'--landmarks={cohort}/points',
        f'--key_file={cohort}/key', f'--out={out}', '--workers=1', *more,
    )  # fmt: skip


def start(cohort, out, root):
    """Starts a build and waits until one patient is done."""
    process = subprocess.Popen(
        [sys.executable, *arguments(cohort, out)],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    records = out.with_name(f'.{out.name}.building') / 'patients'
    while process.poll() is None and not list(records.glob('P*.json')):
        time.sleep(0.005)
    return process


def test_a_killed_build_goes_on_and_ends_with_the_bytes_of_one_that_was_not(
    cohort, command, warm_command, root, tmp_path
):
    killed, whole = tmp_path / 'killed', tmp_path / 'whole'
    process = start(cohort, killed, root)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not killed.exists()
    again = command(*arguments(cohort, killed))
    assert again.returncode == 0, again.stderr
    assert 'had been done before' in again.stdout
    assert '12 pairs of 6 patients' in again.stdout
    assert warm_command(*arguments(cohort, whole)).returncode == 0
    assert tree(killed) == tree(whole)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith('.')] == []


def test_a_build_that_is_asked_to_stop_says_so(cohort, root, tmp_path):
    process = start(cohort, tmp_path / 'set', root)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 75
    assert 'interrupted; the same command goes on or starts anew.' in stderr
    assert 'Traceback' not in stderr
    assert not (tmp_path / 'set').exists()


def planted_cohort(folder):
    """Two patients whose identity stands wherever a scanner or a person could have written it."""
    block = [(0x00290010, 'LO', SECRET), (0x00291010, 'LO', SECRET), (0x00291011, 'UN', b'Wieland')]
    texts = dict.fromkeys(
        (
            'PatientName', 'OtherPatientNames', 'PatientComments', 'AccessionNumber', 'StudyID',
            'InstitutionName', 'ReferringPhysicianName', 'OperatorsName', 'StudyDescription',
            'ProtocolName', 'ImageComments', 'StationName', 'RequestedProcedureDescription',
        ),
        SECRET,
    )  # fmt: skip
    texts |= {'SeriesDescription': f'ax t2 {SECRET}', 'PatientBirthDate': SECRET_DAY}
    studies = [
        Study(f'{SECRET}{name}', attributes=texts, private=block) for name in ('Hans', 'Grete')
    ]
    dicom, points = write_cohort(folder, studies)
    broken = dicom / f'{SECRET}Hans' / f'{SECRET}.dcm'
    broken.write_bytes(next(dicom.rglob('IM0000')).read_bytes()[:-500])
    (points / f'{SECRET}Grete' / f'{SECRET}.txt').write_text(SECRET)
    return studies


def assert_nobody_named(studies, *texts):
    secrets = [SECRET, SECRET.upper(), 'Hans', 'Grete', SECRET_DAY, '2019-04-02']
    secrets += [f'{study.uid}' for study in studies]
    for text in texts:
        assert not [secret for secret in secrets if secret in text]


def assert_nobody_in(folder, studies):
    for path in folder.rglob('*'):
        assert_nobody_named(studies, f'{path.relative_to(folder)}')
        if path.is_file():
            assert_nobody_named(studies, path.read_bytes().decode('latin-1'))


def test_nothing_written_or_printed_names_a_patient(warm_command, tmp_path):
    studies = planted_cohort(tmp_path / 'in')
    shared = (f'--dicom_root={tmp_path}/in/dicom', f'--key_file={tmp_path}/key', '--workers=1')
    points = f'--landmarks={tmp_path}/in/points'
    runs = [
        warm_command(*PREPARE, 'scan', *shared, f'--out={tmp_path}/out/inventory.csv'),
        warm_command(*PREPARE, 'build', *shared, points, f'--out={tmp_path}/out/set'),
        warm_command(*PREPARE, 'build', *shared, points, f'--out={tmp_path}/out/set', '--size=64'),
        warm_command(*PREPARE, 'build', *shared, points, f'--out={tmp_path}/out/b', '--max_days=0'),
    ]
    assert [run.returncode for run in runs] == [0, 0, 2, 2], [run.stderr for run in runs]
    for run in runs:
        assert_nobody_named(studies, run.stdout, run.stderr)
    assert_nobody_in(tmp_path / 'out', studies)
    assert (tmp_path / 'key').stat().st_mode & 0o777 == 0o600
    unread = pd.read_csv(tmp_path / 'out' / 'set' / 'unread.csv')
    assert len(unread) == 1


def test_messages_about_landmarks_and_lists_name_nobody(warm_command, tmp_path):
    studies = planted_cohort(tmp_path / 'in')
    for path in (tmp_path / 'in' / 'points').rglob('*.json'):
        path.write_text(path.read_text().replace('L4-5:sac', f'L4-5:{SECRET}'))
    (tmp_path / 'exclude.csv').write_text(f'patient,level,reason\n{SECRET},{SECRET},\n')
    run = warm_command(
        *PREPARE, 'build', f'--dicom_root={tmp_path}/in/dicom', f'--landmarks={tmp_path}/in/points',
        f'--exclude={tmp_path}/exclude.csv', f'--key_file={tmp_path}/key', f'--out={tmp_path}/set',
    )  # fmt: skip
    assert run.returncode == 2
    assert 'another label' in run.stderr and '--exclude, row 2' in run.stderr
    assert '--keep_map' in run.stderr
    assert_nobody_named(studies, run.stdout, run.stderr)


def test_a_map_of_pseudonyms_is_kept_where_asked_for(warm_command, tmp_path):
    studies = planted_cohort(tmp_path / 'in')
    kept = tmp_path / 'map.csv'
    for _ in range(2):  # the second time in place of what the first has written
        run = warm_command(
            *PREPARE, 'scan', f'--dicom_root={tmp_path}/in/dicom', f'--key_file={tmp_path}/key',
            f'--out={tmp_path}/inventory.csv', f'--keep_map={kept}', '--nosheets',
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
    assert kept.stat().st_mode & 0o777 == 0o600
    meanings = dict(csv.reader(kept.read_text().splitlines()))
    names = Pseudonyms(bytes.fromhex((tmp_path / 'key').read_text()))
    for study in studies:
        assert meanings[names.patient(study.patient_id)] == study.patient_id
    (unread,) = pd.read_csv(tmp_path / 'inventory_unread.csv').file
    assert meanings[unread] == f'{SECRET}Hans/{SECRET}.dcm'
    assert not (tmp_path / 'inventory_sheets').exists()


def test_a_patient_with_another_name_on_mr_gives_the_pairs_of_one_with_a_single_name(
    cohort, warm_command, tmp_path
):
    shutil.copytree(cohort / 'dicom' / 'patient1', tmp_path / 'dicom')
    for path in (tmp_path / 'dicom' / 'MR').iterdir():
        dataset = pydicom.dcmread(path)
        dataset.PatientID = 'another'
        dataset.save_as(path)
    for modality, name in (('CT', 'patient1'), ('MR', 'another')):
        (tmp_path / 'points' / name).mkdir(parents=True)
        file = f'{modality}.mrk.json'
        shutil.copy(cohort / 'points' / 'patient1' / file, tmp_path / 'points' / name / file)
    (tmp_path / 'same.csv').write_text('patient,same_as\nanother,patient1\n')

    def built(out, *more):
        run = warm_command(
            *PREPARE, 'build', f'--dicom_root={tmp_path}/dicom', f'--landmarks={tmp_path}/points',
            f'--key_file={cohort}/key', f'--out={out}', '--split_fractions=1,0,0', *more,
        )  # fmt: skip
        return run

    run = built(tmp_path / 'apart')
    assert run.returncode == 2
    assert 'CT: no landmarks' in run.stderr
    run = built(tmp_path / 'joined', f'--same_patients={tmp_path}/same.csv')
    assert run.returncode == 0, run.stderr
    pairs = pd.read_csv(tmp_path / 'joined' / 'pairs.csv').pair_id
    assert len(pairs) == 2
    whole = arguments(cohort, tmp_path / 'whole', '--split_fractions=1,0,0')
    assert warm_command(*whole).returncode == 0
    for pair_id in pairs:
        ours, theirs = (
            tmp_path / name / 'train' / f'{pair_id}.png' for name in ('joined', 'whole')
        )
        assert ours.read_bytes() == theirs.read_bytes()


def test_scan_prints_and_writes_what_is_there(cohort, warm_command, tmp_path):
    out = tmp_path / 'inventory.csv'
    run = warm_command(
        *PREPARE, 'scan', f'--dicom_root={cohort}/dicom', f'--key_file={cohort}/key', f'--out={out}'
    )
    assert run.returncode == 0, run.stderr
    assert 'stacks of 6 patients' in run.stdout
    table = pd.read_csv(out)
    assert table.groupby('modality').size().to_dict() == {'CT': 6, 'MR': 12}
    sheets = {path.stem for path in (tmp_path / 'inventory_sheets').iterdir()}
    assert sheets == set(table['stack'])


def test_a_folder_without_ct_and_mr_is_refused(warm_command, tmp_path):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'notes.txt').write_text('not DICOM')
    run = warm_command(
        *PREPARE, 'scan', f'--dicom_root={tmp_path}/in', f'--key_file={tmp_path}/key',
        f'--out={tmp_path}/inventory.csv',
    )  # fmt: skip
    assert run.returncode == 2
    assert '1 files, none a slice of CT or MR; left out: 1 not a DICOM file' in run.stderr
    assert not (tmp_path / 'inventory.csv').exists()


def test_the_template_of_listed_pairs_has_every_column(root):
    template = root / 'datasets' / 'lumbar' / 'pairs.csv'
    assert case_lists.read_listed_pairs(template, '--pairs') == []
    coordinates = {
        f'{modality}_{point}_{axis}'
        for modality in ('ct', 'mr')
        for point in landmarks.POINTS
        for axis in 'xyz'
    }
    assert coordinates <= set(template.read_text().strip().split(','))
