"""The folder of a study: the key fits the pages, and it appears whole or not at all."""

import csv
import json

import numpy as np
import pytest
from reader_cases import make_cases
from test_reader_pages import content_of, decoded

from ct2mr_tf.evaluation.metrics import METRICS
from ct2mr_tf.problems import UserError
from ct2mr_tf.reader_study import study_files, study_folder, study_key
from ct2mr_tf.reader_study.study_folder import Design

SEED = '0123456789abcdef' * 2


def built(folder, kind, cases, readers=2, items=()):
    design = Design(kind, readers, SEED, items)
    study = study_folder.write_study_folder(design, cases, {'step': 7}, folder / kind)
    return study, folder / kind


def page_content(folder, reader):
    return content_of((folder / 'pages' / f'{reader}.html').read_text(encoding='utf-8'))


@pytest.mark.parametrize('kind', ['forced_choice', 'yes_no'])
def test_the_key_tells_what_every_picture_is(tmp_path, kind):
    cases = make_cases(5)
    study, folder = built(tmp_path, kind, cases)
    assert study_files.read_study(folder) == study
    assert study.trials == {'forced_choice': 5, 'yes_no': 10}[kind]
    for reader, trials in study_key.read_key(folder, study).items():
        shown = page_content(folder, reader)['trials']
        for (number, truth), encoded in zip(trials, shown, strict=True):
            case = cases[number - 1]
            if kind == 'forced_choice':
                ct, *choices = map(decoded, encoded)
                np.testing.assert_array_equal(ct, case.ct)
                np.testing.assert_array_equal(choices[int(truth) - 1], case.real)
                np.testing.assert_array_equal(choices[2 - int(truth)], case.synthetic)
            else:
                wanted = {'real': case.real, 'synthetic': case.synthetic}[truth]
                np.testing.assert_array_equal(decoded(encoded[0]), wanted)


def test_a_study_of_similarity(tmp_path):
    cases = make_cases(3)
    study, folder = built(tmp_path, 'similarity', cases, items=('Bone', 'Fat'))
    trials = study_key.read_key(folder, study)['reader_02']
    assert {truth for _, truth in trials} == {''}
    content = page_content(folder, 'reader_02')
    assert content['items'] == ['Bone', 'Fat']
    for (number, _), (ct, synthetic, real) in zip(trials, content['trials'], strict=True):
        np.testing.assert_array_equal(decoded(ct), cases[number - 1].ct)
        np.testing.assert_array_equal(decoded(synthetic), cases[number - 1].synthetic)
        np.testing.assert_array_equal(decoded(real), cases[number - 1].real)


def test_the_cases_of_the_key(tmp_path):
    cases = make_cases(3)
    _, folder = built(tmp_path, 'forced_choice', cases)
    with (folder / 'key' / 'cases.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ['case', 'pair_id', *METRICS]
    for number, (row, case) in enumerate(zip(rows, cases, strict=True), start=1):
        assert (row['case'], row['pair_id']) == (f'{number}', case.pair_id)
        assert {name: float(row[name]) for name in METRICS} == case.metrics
    build = json.loads((folder / 'key' / 'build.json').read_text())
    assert build == {'seed': SEED, 'step': 7}


def test_only_the_key_holds_secrets(tmp_path):
    """No other file names the seed or a pair; only its owner may enter the key's folder."""
    cases = make_cases(3)
    _, folder = built(tmp_path, 'yes_no', cases)
    assert sorted(path.name for path in folder.iterdir()) == [
        'README.txt',
        'key',
        'pages',
        'study.json',
    ]
    assert (folder / 'key').stat().st_mode & 0o777 == 0o700
    assert 'DO NOT HAND OUT' in (folder / 'key' / 'README.txt').read_text()
    public = [path for path in folder.rglob('*') if path.is_file() and 'key' not in path.parts]
    assert len(public) == 4
    for path in public:
        text = path.read_text(encoding='utf-8')
        assert SEED not in text
        assert not [case.pair_id for case in cases if case.pair_id in text]


def test_whatever_differs_is_another_study(tmp_path):
    """Answers to one of them are then refused as foreign by the others."""
    cases, other_model = make_cases(3), make_cases(3)
    other_model[1].synthetic[0, 0] += 1
    built_as = [
        (Design('forced_choice', 2, SEED), cases),
        (Design('yes_no', 2, SEED), cases),
        (Design('similarity', 2, SEED, ('Bone',)), cases),
        (Design('similarity', 2, SEED, ('Fat',)), cases),
        (Design('forced_choice', 3, SEED), cases),
        (Design('forced_choice', 2, SEED[::-1]), cases),
        (Design('forced_choice', 2, SEED), cases[:2]),
        (Design('forced_choice', 2, SEED), cases[::-1]),
        (Design('forced_choice', 2, SEED), other_model),
    ]
    ids = {
        study_folder.write_study_folder(design, shown, {}, tmp_path / f'{number}').study_id
        for number, (design, shown) in enumerate(built_as)
    }
    assert len(ids) == len(built_as)


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    folders = [built(tmp_path / name, 'forced_choice', make_cases(3))[1] for name in 'ab']
    one, other = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob('*.*')}
        for folder in folders
    )
    assert len(one) == 8
    assert one == other


@pytest.mark.parametrize('kind', study_files.KINDS)
def test_but_for_its_pictures_a_page_depends_on_nothing_drawn(tmp_path, kind):
    """Another seed is another key: what is left when the pictures are taken out stays the same."""
    rests = set()
    for number in range(3):
        design = Design(kind, 1, f'{number:032x}')
        out = tmp_path / f'{number}'
        study = study_folder.write_study_folder(design, make_cases(6), {}, out)
        text = (out / 'pages' / 'reader_01.html').read_text(encoding='utf-8')
        for trial in content_of(text)['trials']:
            for encoded in trial:
                text = text.replace(encoded, '')
        rests.add(text.replace(study.study_id, ''))
    assert len(rests) == 1


def test_all_pages_of_a_study_have_one_length(tmp_path):
    _, folder = built(tmp_path, 'forced_choice', make_cases(4), readers=5)
    assert len({path.stat().st_size for path in (folder / 'pages').iterdir()}) == 1


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    cases = make_cases(2)
    damaged = cases[1].__class__('x', cases[1].ct, cases[1].real.astype(float), cases[1].ct, {})
    with pytest.raises(ValueError, match='uint8'):
        built(tmp_path, 'forced_choice', [cases[0], damaged])
    assert not list(tmp_path.iterdir())


def items_file(tmp_path, text):
    (tmp_path / 'items.txt').write_bytes(text.encode('utf-8'))
    return tmp_path / 'items.txt'


def test_items_from_a_file(tmp_path):
    path = items_file(tmp_path, '\ufeff Disc signal \r\n\r\nÖdem, Gelenke\r\n')
    assert study_folder.read_items(path) == ('Disc signal', 'Ödem, Gelenke')


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        ('', ['0 items']),
        ('\n'.join(map(str, range(21))), ['21 items']),
        ('Bone\nFat\nBone', ["item 'Bone'"]),
        ('x' * 61, [f"item '{'x' * 61}'"]),
        ('Bo\x07ne', ["item 'Bo\\x07ne'"]),
        ('a\x07\nb\nb', ["item 'a\\x07'", "item 'b'"]),
        ('Bone\n Mean of all items', ["item 'Mean of all items'"]),
    ],
)
def test_items_that_cannot_be_rated(tmp_path, text, found):
    with pytest.raises(UserError) as caught:
        study_folder.read_items(items_file(tmp_path, text))
    assert [problem.found for problem in caught.value.problems] == found


def test_items_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match='No such file'):
        study_folder.read_items(tmp_path / 'nothing.txt')
    (tmp_path / 'latin.txt').write_bytes(b'\xd6dem')
    with pytest.raises(UserError, match='not UTF-8'):
        study_folder.read_items(tmp_path / 'latin.txt')
