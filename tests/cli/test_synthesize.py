"""The command as a person runs it, with a real exported model, in process and on a server."""

import csv
import dataclasses
import io
import shutil
import subprocess
import sys
import threading

import numpy as np
import pydicom
import pytest
from stand_in import launching
from stand_in.examples import CARD
from stand_in.scripted import ScriptedServer
from synthesis_builders import PERSON, POINTS, SACS, Synthesis, ball, limits, scan, write_ct

SYNTHESIZE = ('-m', 'ct2mr_tf.cli.synthesize')

SIZE = 32

SECRETS = (PERSON.patient_id, 'WIELAND', 'HANS', '19500102', '20200717')
"""Of the patient; no message may show them."""


@pytest.fixture(scope='module')
def study(tmp_path_factory):
    """A folder of a CT, landmarks and a key."""
    folder = tmp_path_factory.mktemp('study')
    write_ct(folder / 'ct' / 'WIELAND', ball(SACS['L4-5']))
    write_points(folder / 'points.csv', PERSON.patient_id)
    (folder / 'key').write_text('00' * 16)
    (folder / 'key').chmod(0o600)
    return folder


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """The export folder of a tiny generator."""
    from ct2mr_tf.models.generator import create_generator
    from ct2mr_tf.serving.export_folder import write_version

    pictures = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE), dtype=np.uint8)
    card = dataclasses.replace(CARD, picture=(SIZE, SIZE))
    folder = tmp_path_factory.mktemp('models') / 'ct2mr'
    write_version(create_generator(ngf=4, residual_blocks=1, seed=3), card, pictures, folder)
    return folder


@pytest.fixture(scope='module')
def made(study, models, command, tmp_path_factory):
    """What the command wrote with the model in its own process."""
    out = tmp_path_factory.mktemp('out') / 'made'
    done = command(*arguments(study, out), f'--saved_model={models}', '--volume')
    assert done.returncode == 0, done.stderr
    return done, out


def write_points(path, patient, points=POINTS):
    with path.open('w', newline='') as file:
        rows = csv.writer(file)
        rows.writerow(['patient', 'modality', 'level', 'point', 'x', 'y', 'z'])
        for level, disc in points.items():
            rows.writerow([patient, 'CT', level, 'sac', *disc.sac])
            rows.writerow([patient, 'CT', level, 'ventral', *disc.ventral])


def arguments(study, out, points='points.csv'):
    return (
        *SYNTHESIZE, f'--ct={study}/ct', f'--landmarks={study}/{points}', f'--out={out}',
        f'--key_file={study}/key', '--workers=1',
    )  # fmt: skip


def tree(folder):
    return {
        f'{path.relative_to(folder)}': path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def refused(done):
    assert done.returncode == 2, done.stderr
    assert 'Traceback' not in done.stderr
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
    return done.stderr


def test_the_model_is_shown_the_ct_and_its_answer_is_written(study, models, made):
    from ct2mr_tf.serving.saved_model import LocalModel

    done, out = made
    expected = Synthesis(scan(study / 'ct'), options=limits('mr'), volume=True, size=SIZE)
    answers = LocalModel(models).synthesize(expected.ct)
    for name, answer in zip(('L3-4', 'L4-5'), answers[:2], strict=True):
        dataset = pydicom.dcmread(out / 'discs' / f'{name}.dcm')
        assert np.array_equal(dataset.pixel_array, answer)
        assert dataset.PatientID == PERSON.patient_id
        software = dataset.ContributingEquipmentSequence[-1]
        assert software.SoftwareVersions[-1] == CARD.model_sha256
    assert len(list((out / 'volume').iterdir())) == len(expected.plan.volume)
    written = {path.name for path in out.iterdir()}
    assert written == {
        'discs', 'volume', 'synthesis.json', 'discs.png', 'volume.png', 'volume.nii.gz',
        'sagittal.png', 'coronal.png', '.lock',
    }  # fmt: skip
    assert f'L3-4, L4-5, and a volume of {len(expected.plan.volume)}' in done.stdout
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]


def test_the_same_again_writes_the_same_and_other_landmarks_do_not(
    study, models, made, warm_command
):
    _, out = made
    before = tree(out)
    local = f'--saved_model={models}/1'
    assert warm_command(*arguments(study, out), local, '--volume').returncode == 0
    assert tree(out) == before
    moved = {level: dataclasses.replace(disc, sac=disc.sac + 0.5) for level, disc in POINTS.items()}
    write_points(study / 'moved.csv', PERSON.patient_id, moved)
    told = refused(warm_command(*arguments(study, out, 'moved.csv'), local, '--volume'))
    assert 'another synthesis; it differs in: series_instance_uids' in told
    assert tree(out) == before


@pytest.mark.parametrize('named', [launching.NAME])
def test_a_server_gives_what_the_model_gives_here(
    named, study, models, made, warm_command, tmp_path
):
    with launching.running(tmp_path / 'server', launching.served(models)) as server:
        out = tmp_path / 'served'
        done = warm_command(*arguments(study, out), f'--server={server.address}', '--version=1')
        assert done.returncode == 0, done.stderr
    _, local = made
    for path in sorted((out / 'discs').iterdir()):
        served, here = (pydicom.dcmread(folder / 'discs' / path.name) for folder in (out, local))
        # Another session may add up in another order: a tie is then rounded to the other side.
        assert np.abs(served.pixel_array - here.pixel_array).max() <= 1
        assert served.ImagePositionPatient == here.ImagePositionPatient
        # The discs are the same series with a volume and without.
        assert served.SOPInstanceUID == here.SOPInstanceUID


def test_an_anonymous_synthesis_names_nobody(study, models, warm_command, tmp_path):
    out = tmp_path / 'out'
    done = warm_command(
        *arguments(study, out), f'--saved_model={models}', '--anonymize', '--levels=l4/5'
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (out / 'discs').iterdir()} == {'L4-5.dcm'}
    source = pydicom.dcmread(next((study / 'ct' / 'WIELAND').iterdir()))
    secrets = [*SECRETS, source.StudyInstanceUID, source.SeriesInstanceUID]
    for name, content in tree(out).items():
        assert not [secret for secret in secrets if secret.encode() in content], name
        assert not [secret for secret in secrets if secret in name]
    dataset = pydicom.dcmread(io.BytesIO(tree(out)['discs/L4-5.dcm']))
    assert dataset.PatientIdentityRemoved == 'YES'


def test_landmarks_of_somebody_else_are_refused(study, models, warm_command, tmp_path):
    write_points(study / 'other.csv', 'WIELAND-2')
    told = refused(
        warm_command(*arguments(study, tmp_path / 'out', 'other.csv'), f'--saved_model={models}')
    )
    assert 'no CT landmarks of a patient of --ct (P' in told


def test_mr_in_the_place_of_the_ct_is_one_problem(study, warm_command, tmp_path):
    shutil.copytree(study / 'ct', tmp_path / 'mr')
    for path in (tmp_path / 'mr').rglob('*.dcm'):
        dataset = pydicom.dcmread(path)
        dataset.Modality, dataset.SOPClassUID = 'MR', pydicom.uid.MRImageStorage
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.save_as(path)
    given = [
        one.replace(f'{study}/ct', f'{tmp_path}/mr') for one in arguments(study, tmp_path / 'out')
    ]
    told = refused(warm_command(*given, f'--saved_model={study}'))
    assert told.startswith('1 problem:\n  --ct\n    found:    no CT of the patient, only MR')


def test_files_that_cannot_be_read_are_told(study, models, warm_command, tmp_path):
    shutil.copytree(study / 'ct', tmp_path / 'ct')
    lowest, *_ = sorted(
        (tmp_path / 'ct').rglob('*.dcm'),
        key=lambda path: pydicom.dcmread(path).ImagePositionPatient[2],
    )
    lowest.write_bytes(lowest.read_bytes()[:-100])
    given = [
        one.replace(f'{study}/ct', f'{tmp_path}/ct') for one in arguments(study, tmp_path / 'out')
    ]
    done = warm_command(*given, f'--saved_model={models}')
    assert done.returncode == 0, done.stderr
    assert '1 problem in --ct; what cannot be read is left out:\n  file-' in done.stderr
    assert not [secret for secret in SECRETS if secret in done.stderr]


def test_a_file_in_the_way_is_left_alone(study, models, warm_command, tmp_path):
    (tmp_path / 'discs').mkdir()
    (tmp_path / 'discs' / 'L4-5.dcm').write_bytes(b'mine')
    told = refused(warm_command(*arguments(study, tmp_path), f'--saved_model={models}'))
    assert '--out, discs/L4-5.dcm' in told
    assert tree(tmp_path) == {'discs/L4-5.dcm': b'mine'}


class WaitingServer(ScriptedServer):
    """Answers with pictures only when it is told to."""

    def __init__(self, card_text: str):
        super().__init__(card_text)
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def content(self, request):
        if 'ct_png' in ((request.content or {}).get('inputs') or {}):
            self.asked.set()
            assert self.may_answer.wait(60)
        return super().content(request)


def test_a_second_process_on_one_folder_is_refused(study, warm_command, tmp_path, root):
    card = dataclasses.replace(CARD, picture=(SIZE, SIZE))
    with WaitingServer(card.to_json()).running() as server:
        given = (*arguments(study, tmp_path / 'out'), f'--server={server.address}')
        first = subprocess.Popen([sys.executable, *given], cwd=root, stdout=subprocess.DEVNULL)
        try:
            assert server.asked.wait(60)
            told = refused(warm_command(*given))
            assert tree(tmp_path / 'out') == {'.lock': b''}
        finally:
            server.may_answer.set()
            code = first.wait(60)
        assert code == 0
        assert told.startswith('1 problem:\n  --out\n    found:    another process works in it')
        written = tree(tmp_path / 'out')
        assert {'discs/L3-4.dcm', 'discs/L4-5.dcm', 'discs.png', 'synthesis.json'} < set(written)
        assert warm_command(*given).returncode == 0
        assert tree(tmp_path / 'out') == written


def test_a_server_that_is_not_there_is_told(study, warm_command, tmp_path):
    told = refused(
        warm_command(*arguments(study, tmp_path), '--server=http://localhost:9', '--wait_s=0')
    )
    assert 'localhost:9' in told
