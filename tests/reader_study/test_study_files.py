"""The files of a reader study: a file of answers by hand, round trips, and what is refused."""

import csv
import dataclasses
import io
import json
import zlib

import pytest

from ct2mr_tf.problems import UserError
from ct2mr_tf.reader_study import study_files
from ct2mr_tf.reader_study.study_files import Answer, AnswerSheet, Study

STUDY = Study('S0123456789ab', 'similarity', 2, 2, ('reader_01', 'reader_02'), ('Bone', 'Fat'))


def sheet(*answers):
    return AnswerSheet('S0123456789ab', 'reader_01', 'spine_surgeon', 12, answers)


def test_a_file_of_answers_by_hand():
    text = study_files.answers_text(
        sheet(Answer(1, '', '2', 3.25, ''), Answer(2, '', '', 10.0, 'dark, "noisy"'))
    )
    first = '\x1f'.join(['1', 'S0123456789ab', 'reader_01', 'spine_surgeon', '12', '1', '', '2'])
    one = zlib.crc32(f'{first}\x1f3.2\x1f'.encode())
    second = '1\x1fS0123456789ab\x1freader_01\x1fspine_surgeon\x1f12\x1f2\x1f\x1f\x1f10.0\x1f'
    two = zlib.crc32(f'{second}dark, "noisy"'.encode(), one)
    assert text == (
        'format,study_id,reader,role,years,trial,item,answer,seconds,comment,checksum\n'
        f'1,S0123456789ab,reader_01,spine_surgeon,12,1,,2,3.2,,x{one:08x}\n'
        f'1,S0123456789ab,reader_01,spine_surgeon,12,2,,,10.0,"dark, ""noisy""",x{two:08x}\n'
    )


def test_the_checksum_of_a_known_text():
    """The check value of CRC-32 in every catalogue of them: '123456789' gives cbf43926."""
    assert study_files.checksum_text(study_files.row_checksum(['123456789'], 0)) == 'xcbf43926'


def rows_off(text):
    """Numbers of the rows whose checksum is not that of their fields."""
    off, before = [], 0
    for number, row in enumerate(list(csv.reader(io.StringIO(text)))[1:], start=1):
        checksum = study_files.row_checksum(row[:-1], before)
        if study_files.checksum_text(checksum) != row[-1]:
            off.append(number)
        before = int(row[-1][1:], 16)
    return off


def test_an_edited_row_is_the_one_that_is_off():
    answers = [Answer(n, '', '1', n / 10, f'said {n}') for n in range(1, 6)]
    text = study_files.answers_text(sheet(*answers))
    assert rows_off(text) == []
    assert rows_off(text.replace('said 3', 'said  3')) == [3]
    assert rows_off(text.replace('\n', '\r\n')) == []
    lines = text.splitlines(keepends=True)
    assert rows_off(''.join(lines[:3] + lines[4:])) == [3]  # the row behind the one taken out
    assert rows_off(''.join([*lines[:2], lines[3], lines[2], *lines[4:]])) == [2, 3, 4]


def test_the_rows_of_a_study():
    assert STUDY.rows == ((1, 'Bone'), (1, 'Fat'), (2, 'Bone'), (2, 'Fat'))
    assert Study('S', 'yes_no', 1, 2, ('r',)).rows == ((1, ''), (2, ''))


def test_a_study_comes_back(tmp_path):
    study_files.write_study(STUDY, tmp_path)
    assert study_files.read_study(tmp_path) == STUDY


def study_problem(folder):
    with pytest.raises(UserError) as caught:
        study_files.read_study(folder)
    (problem,) = caught.value.problems
    assert problem.where == str(folder / 'study.json')
    return problem


NO_NUMBER = json.dumps({'format': '1', **dataclasses.asdict(STUDY), 'cases': 'many'})


def test_no_study(tmp_path):
    assert study_problem(tmp_path).found == 'No such file or directory'
    for text in ('', '[]', '{}', '{"format": "1"}', '"study"', 'null', '\ud800', NO_NUMBER):
        (tmp_path / 'study.json').write_text(text, encoding='utf-8', errors='surrogatepass')
        assert study_problem(tmp_path).found == 'no description of a study'


@pytest.mark.parametrize(('name', 'value'), [('format', '2'), ('kind', 'guessing')])
def test_a_study_of_another_kind_or_version(tmp_path, name, value):
    study_files.write_study(STUDY, tmp_path)
    content = json.loads((tmp_path / 'study.json').read_text())
    (tmp_path / 'study.json').write_text(json.dumps({**content, name: value}))
    assert value in study_problem(tmp_path).found
