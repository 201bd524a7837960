"""Files of answers: what a page saved is read; whatever else is refused, with the line at fault."""

import csv
import io

import pytest
import simulated_readers

from ct2mr_tf.problems import UserError
from ct2mr_tf.reader_study import study_files
from ct2mr_tf.reader_study.answer_files import read_answers
from ct2mr_tf.reader_study.answer_tables import LARGEST_BYTES
from ct2mr_tf.reader_study.study_files import Answer, AnswerSheet

FORCED = simulated_readers.study_of('forced_choice', readers=2, cases=4)
SIMILARITY = simulated_readers.study_of('similarity', readers=2, cases=2, items=('Disc', 'Bone'))


def sheet_of(study, number=0, **changes):
    """A whole sheet; `changes` are to its fields."""
    text = {'forced_choice': '1', 'yes_no': 'real', 'similarity': '80'}[study.kind]
    answers = tuple(Answer(trial, item, text, 12.5, '') for trial, item in study.rows)
    fields = {
        'study_id': study.study_id,
        'reader': study.readers[number],
        'role': 'resident',
        'years': 3,
        'answers': answers,
    }
    return AnswerSheet(**{**fields, **changes})


def with_answers(study, *texts):
    answers = (
        Answer(trial, item, text, 1.0, '')
        for (trial, item), text in zip(study.rows, texts, strict=True)
    )
    return sheet_of(study, answers=tuple(answers))


def saved(folder, sheet, name='answers_r.csv', edit=lambda text: text):
    """The file of a sheet, edited."""
    path = folder / name
    path.write_bytes(edit(study_files.answers_text(sheet)).encode('utf-8'))
    return path


def problems_of(*paths, studies=(FORCED, SIMILARITY), **options):
    with pytest.raises(UserError) as caught:
        read_answers(paths, studies, **options)
    return caught.value.problems


def only_problem(*paths, **options):
    (problem,) = problems_of(*paths, **options)
    return problem


def test_what_a_page_saved_is_read(tmp_path):
    comment = 'Ein „Zitat“, mit Komma; und mehr\u2028'
    first = sheet_of(
        FORCED, answers=(Answer(1, '', '2', 3.0, comment), *sheet_of(FORCED).answers[1:])
    )
    second = sheet_of(FORCED, number=1)
    saved(tmp_path, second, 'answers_a.csv')
    saved(tmp_path, first, 'answers_b (1).csv')
    assert read_answers([tmp_path], [FORCED]) == {FORCED.study_id: (first, second)}


def test_files_of_two_studies_may_lie_together(tmp_path):
    saved(tmp_path, sheet_of(FORCED), 'answers_a.csv')
    path = saved(tmp_path, sheet_of(SIMILARITY), 'answers_b.csv')
    # Named twice is read once.
    found = read_answers([tmp_path, path], [FORCED, SIMILARITY])
    assert {name: [s.reader for s in sheets] for name, sheets in found.items()} == {
        FORCED.study_id: ['reader_01'],
        SIMILARITY.study_id: ['reader_01'],
    }


@pytest.mark.parametrize(
    'edit',
    [
        lambda text: '\ufeff' + text,
        lambda text: text.replace('\n', '\r\n'),
        lambda text: text.replace('\n', '\r'),
        lambda text: text.replace(',', ';'),
        lambda text: '\ufeff' + text.replace(',', '\t').replace('\n', '\r\n') + '\r\n',
    ],
    ids=['byte order mark', 'CRLF', 'CR', 'semicolons', 'all of it'],
)
def test_a_spreadsheet_that_changed_no_answer_is_no_harm(tmp_path, edit):
    path = saved(tmp_path, sheet_of(FORCED), edit=edit)
    assert read_answers([path], [FORCED])[FORCED.study_id] == (sheet_of(FORCED),)


def in_one_cell(line):
    """A line that a spreadsheet did not divide, as it saves that."""
    doubled = line.replace('"', '""')
    return f'"{doubled}"'


@pytest.mark.parametrize('first', [0, 1], ids=['every line', 'all but the columns'])
@pytest.mark.parametrize('delimiter', [',', ';'])
def test_lines_in_one_cell_each_are_read(tmp_path, delimiter, first):
    """Whole, or with what needs quotes within: a comment with quotes and commas."""
    comment = Answer(1, '', '2', 3.0, 'a "quote", a comma; and more')
    sheet = sheet_of(FORCED, answers=(comment, *sheet_of(FORCED).answers[1:]))

    def edit(text):
        rows = io.StringIO(newline='')
        csv.writer(rows, delimiter=delimiter).writerows(csv.reader(io.StringIO(text)))
        lines = rows.getvalue().splitlines()
        return '\n'.join([*lines[:first], *map(in_one_cell, lines[first:])])

    path = saved(tmp_path, sheet, edit=edit)
    assert read_answers([path], [FORCED])[FORCED.study_id] == (sheet,)


def test_columns_in_too_few_cells_are_counted(tmp_path):
    """Their text may be that of the right ones."""
    path = saved(
        tmp_path, sheet_of(FORCED), edit=lambda t: t.replace('format,study_id', '"format,study_id"')
    )
    problem = only_problem(path)
    assert problem.found.startswith('10 columns: format,study_id,reader,')
    assert problem.expected.startswith('the 11 columns format,study_id,reader,')


def test_lines_are_counted_whichever_ends_they_have(tmp_path):
    path = saved(
        tmp_path,
        sheet_of(FORCED),
        edit=lambda t: t.replace('\n', '\r').replace(',3,,1,', ',3,,2,'),
    )
    problem = only_problem(path)
    assert problem.where == f'{path}, line 4'
    assert 'another program saved the file (CR line ends)' in problem.found
    path.write_bytes(b'format,comment\r1,J\xfcrgen\r')
    assert only_problem(path).where == f'{path}, line 2'


def test_a_spreadsheet_that_changed_numbers_is_named(tmp_path):
    path = saved(
        tmp_path, sheet_of(FORCED), edit=lambda t: t.replace('12.5', '12,5').replace(',', ';')
    )
    found = problems_of(path)
    assert [problem.where for problem in found] == [f'{path}, lines 2, 3, 4, 5']
    path = saved(tmp_path, sheet_of(FORCED), edit=lambda t: '\ufeff' + t.replace('12.5', '12.50'))
    problem = only_problem(path)
    assert problem.where == f'{path}, lines 2, 3, 4, 5'
    assert 'another program saved the file (a byte order mark)' in problem.found
    assert problem.cure == 'ask the reader for the file as the page saved it'
    for delimiter, sign in ((';', 'semicolons'), ('\t', 'tabs')):
        edited = saved(
            tmp_path,
            sheet_of(FORCED),
            edit=lambda t, d=delimiter: t.replace('12.5', '9').replace(',', d),
        )
        assert f'another program saved the file ({sign})' in only_problem(edited).found


def test_an_edited_answer_is_told_by_its_line(tmp_path):
    path = saved(tmp_path, sheet_of(FORCED), edit=lambda t: t.replace(',3,,1,', ',3,,2,'))
    problem = only_problem(path)
    assert problem.where == f'{path}, line 4'
    assert problem.found.startswith('not what the checksum was taken of')


@pytest.mark.parametrize('line', [2, 3, 4])
def test_a_row_taken_out_is_told_by_the_row_behind(tmp_path, line):
    def without(text):
        lines = text.split('\n')
        return '\n'.join(lines[: line - 1] + lines[line:])

    problem = only_problem(saved(tmp_path, sheet_of(FORCED), edit=without))
    assert problem.where.endswith(f', line {line}')


def test_a_file_cut_short(tmp_path):
    path = saved(tmp_path, sheet_of(FORCED), edit=lambda t: '\n'.join(t.split('\n')[:4]))
    problem = only_problem(path)
    assert problem.where == f'{path}, line 4'
    assert problem.found == 'no row of trial 4'


def test_a_row_cut_short(tmp_path):
    path = saved(tmp_path, sheet_of(FORCED), edit=lambda t: t[:-20])
    assert only_problem(path).where == f'{path}, line 5'


def test_what_no_page_lets_into_a_comment(tmp_path):
    answers = (Answer(1, '', '1', 1.0, 'a\x0bb'), *sheet_of(FORCED).answers[1:])
    problem = only_problem(saved(tmp_path, sheet_of(FORCED, answers=answers)))
    assert problem.where.endswith(', line 2')
    assert problem.expected == 'no control characters'


def test_no_answer_is_refused_unless_allowed(tmp_path):
    path = saved(tmp_path, with_answers(FORCED, '1', '', '2', ''))
    problem = only_problem(path)
    assert problem.where == f'{path}, lines 3, 5'
    assert '--allow_incomplete' in problem.cure
    (sheet,) = read_answers([path], [FORCED], allow_incomplete=True)[FORCED.study_id]
    assert [answer.answer for answer in sheet.answers] == ['1', '', '2', '']


def test_a_foreign_file(tmp_path):
    foreign = sheet_of(FORCED, study_id='Sabcdef012345')
    path = saved(tmp_path, foreign)
    problem = only_problem(path)
    assert problem.where == f'{path}, line 2'
    assert 'Sabcdef012345' in problem.found
    assert problem.expected == f'{FORCED.study_id} or {SIMILARITY.study_id}'


def test_the_same_reader_twice(tmp_path):
    saved(tmp_path, sheet_of(FORCED), 'answers_a.csv')
    path = saved(tmp_path, sheet_of(FORCED), 'answers_b.csv')
    problem = only_problem(tmp_path)
    assert problem.where == f'{path}, line 2'
    assert problem.found.startswith('a second file of reader_01, the same as')
    assert problem.cure == 'delete one'
    saved(tmp_path, with_answers(FORCED, '1', '1', '1', '2'), 'answers_b.csv')
    assert 'other than' in only_problem(tmp_path).found


def test_the_file_of_another_study_of_the_same_reader_is_no_duplicate(tmp_path):
    saved(tmp_path, sheet_of(FORCED), 'answers_a.csv')
    saved(tmp_path, sheet_of(SIMILARITY), 'answers_b.csv')
    assert len(read_answers([tmp_path], [FORCED, SIMILARITY])) == 2


@pytest.mark.parametrize(
    ('changes', 'found'),
    [
        ({'reader': 'reader_99'}, "reader 'reader_99'"),
        ({'role': 'surgeon'}, "role 'surgeon'"),
        ({'years': 99}, "years '99'"),
        ({'years': -1}, "years '-1'"),
    ],
)
def test_a_head_that_no_page_writes(tmp_path, changes, found):
    problem = only_problem(saved(tmp_path, sheet_of(FORCED, **changes)))
    assert problem.where.endswith('lines 2, 3, 4, 5')
    assert problem.found == found


@pytest.mark.parametrize(
    ('study', 'text'),
    [(FORCED, '3'), (FORCED, 'real'), (SIMILARITY, '101'), (SIMILARITY, '-1'), (SIMILARITY, '80.5')]
    + [(SIMILARITY, '080'), (SIMILARITY, '٣')],
)
def test_an_answer_that_no_page_takes(tmp_path, study, text):
    rest = {'forced_choice': '1', 'similarity': '80'}[study.kind]
    path = saved(tmp_path, with_answers(study, rest, text, rest, rest))
    problem = only_problem(path)
    assert problem.where == f'{path}, line 3'
    assert problem.found == f'answer {text!r}'


@pytest.mark.parametrize('seconds', [-1.0, float('nan'), float('inf')])
def test_seconds_that_no_page_counts(tmp_path, seconds):
    answers = tuple(Answer(trial, '', '1', seconds, '') for trial, _ in FORCED.rows)
    problem = only_problem(saved(tmp_path, sheet_of(FORCED, answers=answers)))
    assert problem.found.startswith('seconds ')


def test_trials_that_are_missing_twice_there_or_strange(tmp_path):
    answers = tuple(Answer(trial, '', '1', 1.0, '') for trial in (1, 2, 2, 7))
    path = saved(tmp_path, sheet_of(FORCED, answers=answers))
    assert [(problem.where, problem.found) for problem in problems_of(path)] == [
        (f'{path}, line 5', 'a trial or item that is not of this study'),
        (f'{path}, line 4', 'a trial that stands above already'),
        (f'{path}, line 5', 'no row of trial 3, 4'),
    ]


def test_items_that_are_missing(tmp_path):
    study = simulated_readers.study_of('similarity', readers=1, cases=5)
    path = saved(tmp_path, sheet_of(study, answers=sheet_of(study).answers[:30]))
    found = only_problem(path, studies=[study]).found
    assert found.startswith('no row of trial 4 Degree of disc protrusion') is False
    assert found.startswith('no row of trial 4 Fat tissue, 4 Facet joint signal')
    assert found.endswith(' and 10 more')


@pytest.mark.parametrize(
    ('content', 'line', 'found'),
    [
        (b'', 1, 'an empty file'),
        (b'trial,answer\n1,2\n', 1, '2 columns: trial,answer'),
        (','.join(study_files.ANSWER_COLUMNS).encode(), 1, 'the columns and no row below them'),
        ((','.join(study_files.ANSWER_COLUMNS) + ',extra\n').encode(), 1, '12 columns: format,'),
        (study_files.answers_text(sheet_of(FORCED)).encode('utf-16'), 1, 'not UTF-8'),
        (b'format,comment\n1,J\xfcrgen\n', 2, 'not UTF-8'),
        (b'\x00' * 100, 1, ''),
        (b'"' * 200_000, 1, ''),
    ],
)
def test_what_is_no_file_of_answers(tmp_path, content, line, found):
    path = tmp_path / 'answers.csv'
    path.write_bytes(content)
    problem = only_problem(path)
    assert problem.where == f'{path}, line {line}'
    assert problem.found.startswith(found)


def test_extra_columns_in_a_row(tmp_path):
    path = saved(
        tmp_path, sheet_of(FORCED), edit=lambda t: t.replace('\n', ',x\n').replace('m,x', 'm', 1)
    )
    problem = only_problem(path)
    assert problem.where == f'{path}, lines 2, 3, 4, 5'
    assert problem.expected == '11 columns'


def test_missing_and_huge_files(tmp_path):
    huge = tmp_path / 'answers_huge.csv'
    with huge.open('wb') as file:
        file.truncate(LARGEST_BYTES + 1)
    gone = tmp_path / 'gone.csv'
    empty = tmp_path / 'empty'
    empty.mkdir()
    found = {problem.where: problem.found for problem in problems_of(huge, gone, empty)}
    assert found == {
        f'{empty}': 'no file of answers',
        f'{huge}': 'a file of over 16 MiB',
        f'{gone}': 'No such file or directory',
    }


def test_a_study_without_answers(tmp_path):
    problem = only_problem(saved(tmp_path, sheet_of(FORCED)))
    assert problem.where == f'study {SIMILARITY.study_id}'


def test_all_problems_of_all_files_at_once(tmp_path):
    saved(tmp_path, sheet_of(FORCED), 'answers_1.csv', edit=lambda t: t.replace(',3,,1,', ',3,,2,'))
    saved(tmp_path, sheet_of(FORCED, study_id='S0'), 'answers_2.csv')
    saved(tmp_path, with_answers(FORCED, '1', '', '2', '1'), 'answers_3.csv')
    assert len(problems_of(tmp_path)) == 3
