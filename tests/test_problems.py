"""Problems: how they read, and that they come all at once."""

import pytest

from ct2mr_tf.problems import Problem, UserError, raise_if_any

FIRST = Problem('train/a.png', '7 pixels wide', 'an even width', 'write the pair again')
SECOND = Problem('--seed', '-1', 'at least 0', 'change the flag')


def test_a_problem_says_where_found_expected_and_cure():
    assert str(FIRST).splitlines() == [
        'train/a.png',
        '    found:    7 pixels wide',
        '    expected: an even width',
        '    cure:     write the pair again',
    ]


def test_an_error_holds_and_says_all_problems():
    error = UserError(iter([FIRST, SECOND]))
    assert error.problems == (FIRST, SECOND)
    assert str(error) == f'{FIRST}\n{SECOND}'


def test_an_error_without_problem_is_a_bug():
    with pytest.raises(ValueError, match='at least one'):
        UserError([])


def test_raise_if_any():
    raise_if_any([])
    raise_if_any(iter(()))
    with pytest.raises(UserError) as caught:
        raise_if_any(problem for problem in (FIRST, SECOND))
    assert caught.value.problems == (FIRST, SECOND)
