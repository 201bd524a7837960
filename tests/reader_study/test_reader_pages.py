"""A reader's page as a file: its pictures, what may stand in it, and what must not."""

import base64
import hashlib
import json
import re

import cv2
import numpy as np
import pytest
from reader_cases import make_cases

from ct2mr_tf.reader_study import reader_pages, study_files
from ct2mr_tf.reader_study.study_files import Study


def page_text(folder, study, pictures, reader='reader_01'):
    reader_pages.write_reader_page(folder / 'page.html', study, reader, pictures)
    return (folder / 'page.html').read_text(encoding='utf-8')


def content_of(text):
    return json.loads(re.search(r'id="content">(.*?)</script>', text, re.DOTALL).group(1))


def decoded(encoded):
    content = np.frombuffer(base64.b64decode(encoded), np.uint8)
    return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)


def test_what_each_kind_shows():
    (case,) = make_cases(1)
    ct, real, synthetic = case.ct, case.real, case.synthetic
    for kind, truth, expected in (
        ('forced_choice', '1', (ct, real, synthetic)),
        ('forced_choice', '2', (ct, synthetic, real)),
        ('yes_no', 'real', (real,)),
        ('yes_no', 'synthetic', (synthetic,)),
        ('similarity', '', (ct, synthetic, real)),
    ):
        shown = reader_pages.shown_pictures(kind, case, truth)
        assert len(shown) == len(expected)
        assert all(a is b for a, b in zip(shown, expected, strict=True))


@pytest.fixture(scope='module')
def study():
    return Study('S0123456789ab', 'forced_choice', 2, 2, ('reader_01', 'reader_02'))


@pytest.fixture(scope='module')
def trials():
    return [reader_pages.shown_pictures('forced_choice', case, '1') for case in make_cases(2)]


def test_the_pictures_stand_in_the_page_in_display_order(study, trials, tmp_path):
    content = content_of(page_text(tmp_path, study, trials))
    for shown, wanted in zip(content['trials'], trials, strict=True):
        for encoded, picture in zip(shown, wanted, strict=True):
            np.testing.assert_array_equal(decoded(encoded), picture)


def test_a_page_names_nothing_of_the_key(study, trials, tmp_path):
    content = content_of(page_text(tmp_path, study, trials))
    del content['trials']
    assert content == {
        'format': '1',
        'study_id': 'S0123456789ab',
        'reader': 'reader_01',
        'items': [],
        'choices': ['1', '2'],
        'columns': list(study_files.ANSWER_COLUMNS),
        'field_mark': '\x1f',
    }


def test_exchanged_pictures_exchange_their_places_and_nothing_else(study, trials, tmp_path):
    """Whoever is real: the page is made of pictures in an order."""
    text = page_text(tmp_path, study, trials)
    other = page_text(tmp_path, study, [(ct, b, a) for ct, a, b in trials])
    assert len(text) == len(other)
    for ct, a, b in content_of(text)['trials']:
        assert text.count(a) == text.count(b) == other.count(a) == other.count(b) == 1
        text = text.replace(f'"{ct}", "{a}", "{b}"', f'"{ct}", "{b}", "{a}"')
    assert text == other


def test_a_page_forbids_itself_the_network(study, trials, tmp_path):
    text = page_text(tmp_path, study, trials)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text).group(1)
    assert policy.startswith("default-src 'none'; img-src data:; script-src 'sha256-")
    for name, wanted in (('script', r'<script>(.*?)</script>'), ('style', '<style>(.*?)</style>')):
        (source,) = re.findall(wanted, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f'sha256-{digest}' in policy.split(f'{name}-src')[1].split(';')[0]
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert '://' not in text


def test_items_are_shown_as_they_are_written(tmp_path):
    """Nothing in them is taken for markup."""
    items = ('<b>Disc</b>', '</script><script>alert(1)</script>', '<!--<script>', 'Ödem & "x"')
    study = Study('S0123456789ab', 'similarity', 1, 1, ('reader_01',), items)
    (case,) = make_cases(1)
    text = page_text(tmp_path, study, [reader_pages.shown_pictures('similarity', case, '')])
    assert tuple(content_of(text)['items']) == items
    assert '<b>Disc' not in text
    assert '&lt;b&gt;Disc&lt;/b&gt;' in text
    assert text.count('<script') == text.count('</script>') == 2
    assert '<!--' not in text


def test_as_many_trials_as_the_study_has(study, trials, tmp_path):
    with pytest.raises(ValueError, match='1 trials, not 2'):
        page_text(tmp_path, study, trials[:1])
    assert not list(tmp_path.iterdir())
