import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ct2mr_tf.imaging import csv_tables


def read(tmp_path, text, required=('a', 'b')):
    path = tmp_path / 'table.csv'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return csv_tables.read_rows(path, 'table', required)


def test_rows_keep_their_number_and_lose_the_spaces_around_values(tmp_path):
    rows, problems = read(tmp_path, '\ufeffA , b,c\r\n 1,"x, y",\r\n,,\r\n3,4\r\n')
    assert not problems
    assert [row.where for row in rows] == ['table, row 2', 'table, row 4']
    assert [dict(row.values) for row in rows] == [
        {'a': '1', 'b': 'x, y', 'c': ''},
        {'a': '3', 'b': '4', 'c': ''},
    ]


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        ('', 'no column a, b'),
        ('a,c\n1,2\n', 'no column b'),
        ('a\n1\n', 'no column b'),
        ('a;b\n1;2\n', 'columns separated by ;'),
        ('a,b,a\n1,2,3\n', 'twice: a'),
        ('a,b\n1,2,3\n', '3 values under 2 headings'),
        ('a,b\n"1,2\n', 'no CSV'),
        (b'a,b\n\xe4,2\n', 'not UTF-8'),
    ],
)
def test_tables_that_are_none(tmp_path, text, found):
    rows, problems = read(tmp_path, text)
    assert not rows
    assert len(problems) == 1
    assert found in problems[0].found


def test_a_missing_file_is_a_problem(tmp_path):
    rows, problems = csv_tables.read_rows(tmp_path / 'none.csv', 'table', ['a'])
    assert not rows
    assert [problem.where for problem in problems] == ['table']


def test_finite_numbers():
    assert csv_tables.finite_number('-1.5e1') == -15
    assert all(
        math.isnan(csv_tables.finite_number(text)) for text in ('', '1,5', 'inf', 'nan', 'x')
    )


@given(content=st.binary(max_size=200) | st.text(',;"\n\r abé', max_size=60).map(str.encode))
def test_whatever_a_file_holds_comes_back_as_rows_or_problems(tmp_path_factory, content):
    rows, problems = read(tmp_path_factory.mktemp('any'), content)
    assert all(problem.where.startswith('table') and problem.cure for problem in problems)
    for row in rows:
        assert {'a', 'b'} <= row.values.keys()
        assert any(row.values.values())


CELL = st.text(st.characters(exclude_categories=['Cs', 'Cc'])).map(str.strip)


@given(cells=st.lists(st.tuples(CELL, CELL), max_size=6))
def test_what_a_csv_writer_wrote_is_read(tmp_path_factory, cells):
    text = io.StringIO()
    csv.writer(text).writerows([('a', 'b'), *cells])
    rows, problems = read(tmp_path_factory.mktemp('written'), text.getvalue())
    assert not problems
    assert [(row.values['a'], row.values['b']) for row in rows] == [
        pair for pair in cells if any(pair)
    ]
