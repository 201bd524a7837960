"""The reader_study command, as a person runs it: a study built, answered, scored, and refused."""

import base64
import json
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from ct2mr_tf.config import Config, save_config
from ct2mr_tf.data.examples import load_examples, read_pair
from ct2mr_tf.data.fingerprint import describe_data_set
from ct2mr_tf.reader_study import study_files, study_key
from ct2mr_tf.reader_study.study_files import Answer, AnswerSheet

COMMAND = ('-m', 'ct2mr_tf.cli.reader_study')

PAIRS = {'train': 2, 'val': 1, 'test': 5}


@pytest.fixture(scope='module')
def run_folder(tiny_set, tmp_path_factory):
    """The folder of a run that has only begun; its data set lies beside it."""
    from ct2mr_tf.training.state import create_train_state, save_best

    folder = tmp_path_factory.mktemp('studied')
    data_dir = tiny_set(folder / 'set', (16, 16), PAIRS)
    config = Config(
        data_dir=str(data_dir), image_size=(16, 16), ngf=4, ndf=4, blocks=1, n_layers=2, num_steps=1
    )
    save_best(create_train_state(config), folder / 'run')
    save_config(config, folder / 'run')
    return folder / 'run'


@pytest.fixture(scope='module')
def built(run_folder, command):
    """A study of four of the five test pairs, and what building said."""
    out = run_folder.parent / 'study'
    flags = (f'--workdir={run_folder}', f'--out={out}', '--readers=2', '--cases=4')
    done = command(*COMMAND, 'build', '--kind=yes_no', *flags)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def shown_in(page):
    """The pictures of each trial of a page."""
    text = re.search(r'id="content">(.*?)</script>', page.read_text('utf-8'), re.DOTALL).group(1)
    return [
        [
            cv2.imdecode(np.frombuffer(base64.b64decode(png), np.uint8), cv2.IMREAD_UNCHANGED)
            for png in trial
        ]
        for trial in json.loads(text)['trials']
    ]


def refused(warm_command, *arguments):
    done = warm_command(*COMMAND, *arguments)
    assert done.returncode == 2, done.stderr
    assert 'Traceback' not in done.stderr
    return done.stderr


def test_a_study_is_built_from_a_run(built, run_folder):
    out, said = built
    study = study_files.read_study(out)
    assert (study.kind, study.cases, study.trials) == ('yes_no', 4, 8)
    assert study.study_id in said
    assert f'{out / "pages"}' in said
    assert sorted(path.name for path in (out / 'pages').iterdir()) == [
        'reader_01.html',
        'reader_02.html',
    ]
    pair_ids = study_key.read_cases(out, study).index
    assert len(pair_ids) == 4
    assert set(pair_ids) <= {f'test_{number:02d}' for number in range(5)}
    origin = json.loads((out / 'key' / 'build.json').read_text())
    folder = run_folder.parent / 'set'
    data_set = describe_data_set(folder, load_examples(folder, ('test',)))
    assert origin['data_set_sha256'] == data_set['sha256']
    assert (origin['checkpoint'], origin['step'], origin['split']) == ('best', 0, 'test')


def test_the_pages_show_the_pairs_and_what_the_generator_makes_of_them(built, run_folder):
    from ct2mr_tf.config import load_config
    from ct2mr_tf.training.state import restore_generator

    out, _ = built
    study = study_files.read_study(out)
    pair_ids = study_key.read_cases(out, study).index
    generator, _ = restore_generator(load_config(run_folder), run_folder, 'best')
    shown = shown_in(out / 'pages' / 'reader_02.html')
    for (number, truth), (picture,) in zip(
        study_key.read_key(out, study)['reader_02'], shown, strict=True
    ):
        path = run_folder.parent / 'set' / 'test' / f'{pair_ids[number - 1]}.png'
        ct, mr = read_pair(path)
        if truth == 'real':
            np.testing.assert_array_equal(picture, mr)
        else:
            values = generator(ct[np.newaxis, ..., np.newaxis].astype(np.float32) / 127.5 - 1)
            synthetic = np.rint((values.numpy()[0, ..., 0] + 1) * 127.5)
            # A value half way between two grey levels may round either way in a graph.
            np.testing.assert_allclose(picture, synthetic, atol=1)


def test_the_same_seed_draws_the_same_cases_for_another_kind(
    built, run_folder, warm_command, tmp_path
):
    out, _ = built
    seed = json.loads((out / 'key' / 'build.json').read_text())['seed']
    (tmp_path / 'items.txt').write_text('Disc\nBone\n')
    flags = (f'--workdir={run_folder}', f'--out={tmp_path / "study"}', '--readers=1', '--cases=4')
    flags += (f'--seed={seed}', '--kind=similarity', f'--items={tmp_path / "items.txt"}')
    done = warm_command(*COMMAND, 'build', *flags)
    assert done.returncode == 0, done.stderr
    study = study_files.read_study(tmp_path / 'study')
    assert study.items == ('Disc', 'Bone')
    other = study_files.read_study(out)
    cases = study_key.read_cases(tmp_path / 'study', study)
    pd.testing.assert_frame_equal(cases, study_key.read_cases(out, other))
    assert study.study_id != other.study_id


def write_answers(study, key, folder, share_right):
    """Each reader's file; every `share_right`-th answer is right."""
    other = {'real': 'synthetic', 'synthetic': 'real'}
    for reader in study.readers:
        answers = tuple(
            Answer(trial, '', truth if trial % share_right == 0 else other[truth], 2.5, '')
            for trial, (_, truth) in enumerate(key[reader], start=1)
        )
        sheet = AnswerSheet(study.study_id, reader, 'resident', 4, answers)
        folder.mkdir(exist_ok=True)
        text = study_files.answers_text(sheet)
        (folder / f'answers_{reader}.csv').write_bytes(text.encode('utf-8'))


def test_answers_are_scored(built, command, tmp_path):
    out, _ = built
    study = study_files.read_study(out)
    write_answers(study, study_key.read_key(out, study), tmp_path / 'answers', 2)
    flags = (f'--study={out}', f'--answers={tmp_path / "answers"}', f'--out={tmp_path / "result"}')
    done = command(*COMMAND, 'score', *flags)
    assert done.returncode == 0, done.stderr
    assert f'{tmp_path / "result"}' in done.stdout
    assert (tmp_path / 'result' / 'report.html').exists()
    assert list((tmp_path / 'result').rglob('*.csv'))
    assert re.search('reader_01|resident', done.stdout)


def test_an_edited_file_of_answers(built, warm_command, tmp_path):
    out, _ = built
    study = study_files.read_study(out)
    write_answers(study, study_key.read_key(out, study), tmp_path / 'answers', 2)
    path = tmp_path / 'answers' / 'answers_reader_02.csv'
    path.write_bytes(path.read_bytes().replace(b',2.5,', b',3.5,', 1))
    flags = (f'--study={out}', f'--answers={tmp_path / "answers"}', f'--out={tmp_path / "result"}')
    said = refused(warm_command, 'score', *flags)
    assert 'answers_reader_02.csv, line 2' in said
    assert not (tmp_path / 'result').exists()


def test_flags_that_are_wrong_are_told_together(warm_command, tmp_path):
    (tmp_path / 'something').write_text('')
    said = refused(
        warm_command, 'build', f'--out={tmp_path}', '--seed=1', '--items=x', '--kind=forced_choice'
    )
    assert said.startswith('4 problems:')
    for where in ('--workdir', str(tmp_path), '--seed', '--items'):
        assert f'  {where}\n' in said
    assert refused(warm_command, 'score', '--answer=x').startswith('4 problems:')
    said = refused(warm_command, 'build', '--kind=guess', '--split=vall')
    assert 'forced_choice|yes_no|similarity' in said
    assert said.startswith('4 problems:')
    assert 'build or score' in refused(warm_command, 'read')


def test_more_cases_than_pairs(warm_command, run_folder, tmp_path):
    flags = (f'--workdir={run_folder}', f'--out={tmp_path / "study"}')
    said = refused(warm_command, 'build', *flags)
    assert '5 pairs in the test split' in said
    assert '--cases=5' in said
    assert not list(tmp_path.iterdir())
