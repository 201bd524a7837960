"""How commands begin and end: exit codes, and every problem on one screen."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import errno, pathlib, sys
from absl import flags
from ct2mr_tf.cli import entry
from ct2mr_tf.problems import Problem, UserError, raise_if_any

flags.DEFINE_integer('number', 3, 'A number.')
flags.DEFINE_bool('option', True, 'An option.')
flags.DEFINE_float('share', 0.5, 'A share.', 0, 1)
flags.DEFINE_string('place', '', 'A place.')

def main(problems):
    raise_if_any(problems)
    {body}

entry.run(main)
"""


@pytest.fixture
def ended(command):
    """Runs a command with this body; its exit code, output and error output."""

    def run(body, *arguments):
        done = command('-c', SCRIPT.format(body=body), *arguments)
        return done.returncode, done.stdout, done.stderr

    return run


def test_done(ended):
    body = 'print(flags.FLAGS.number + 1, flags.FLAGS.option)'
    assert ended(body, '--number=4', '--nooption') == (0, '5 False\n', '')


def test_a_file_name_that_is_no_text_is_printed_all_the_same(ended):
    assert ended(r"print('M\udcfcller')") == (0, 'M\\udcfcller\n', '')


def with_closed_output(body, *arguments, unbuffered, errors=subprocess.PIPE):
    """Runs a command whose output nobody reads: its exit code and error output."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, '-c', SCRIPT.format(body=body), *arguments],
            stdout=writer,
            stderr=errors,
            text=True,
            env={**os.environ, 'PYTHONUNBUFFERED': '1' if unbuffered else ''},
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize('arguments', [(), ('--help',)])
def test_an_output_that_nobody_reads(arguments):
    """As after `| head`: no traceback, and work that had printed too much still ends well."""
    assert with_closed_output("print('done')", *arguments, unbuffered=False) == (0, '')
    code, errors = with_closed_output("print('done')", *arguments, unbuffered=True)
    assert code == 75
    assert errors.splitlines() == [
        'interrupted: the output is no longer read; the same command goes on or starts anew.'
    ]


@pytest.mark.parametrize(
    ('body', 'arguments', 'code'),
    [
        ("print('done')", (), 0),
        ("raise UserError([Problem('one', '', '', '')])", (), 2),
        ('raise_if_any(problems)', ('--number=x',), 2),
        ('raise KeyboardInterrupt', (), 75),
        ("raise KeyError('pair_07')", (), 1),
    ],
)
def test_errors_that_nobody_reads(body, arguments, code):
    """As after `2>&1 | head`: the exit code is that of what happened."""
    closed = with_closed_output(body, *arguments, unbuffered=False, errors=subprocess.STDOUT)
    assert closed == (code, None)


def test_another_pipe_that_breaks_is_a_bug(ended):
    code, _, errors = ended("raise BrokenPipeError('a pipe of its own')")
    assert code == 1
    assert 'a pipe of its own' in errors


def test_a_bug_ends_with_1_and_its_traceback(ended):
    code, _, errors = ended("raise KeyError('pair_07')")
    assert code == 1
    assert 'Traceback' in errors
    assert "KeyError: 'pair_07'" in errors


def test_problems_end_with_2_and_no_traceback(ended):
    body = "raise UserError([Problem(w, 'found', 'expected', 'cure') for w in ('one', 'two')])"
    code, output, errors = ended(body)
    assert (code, output) == (2, '')
    assert errors.splitlines()[:5] == [
        '2 problems:',
        '  one',
        '    found:    found',
        '    expected: expected',
        '    cure:     cure',
    ]
    assert 'Traceback' not in errors


def test_of_many_problems_the_number_is_said(ended):
    body = "raise UserError([Problem(f'p{n}', '', '', '') for n in range(53)])"
    code, _, errors = ended(body)
    assert code == 2
    assert errors.startswith('53 problems:')
    assert errors.rstrip().endswith('... and 3 more')
    assert '  p49\n' in errors
    assert '  p50\n' not in errors


@pytest.mark.parametrize(
    ('body', 'found'),
    [
        (
            "with open('/dev/full', 'wb', buffering=0) as disk: disk.write(b'x')",
            'no space left on the device',
        ),
        ("raise OSError(errno.EDQUOT, 'quota', 'table.csv')", 'no space left on the device'),
        ("pathlib.Path('setup.cfg/out').mkdir()", 'Not a directory'),
        ("pathlib.Path('setup.cfg').mkdir()", 'File exists'),
        ("raise PermissionError(errno.EACCES, 'denied', 'out')", 'Permission denied'),
        ("raise OSError(errno.ENOTEMPTY, 'full', '.out.writing', 0, 'out')", 'Directory not empty'),
    ],
    ids=['full disk', 'quota', 'below a file', 'on a file', 'no permission', 'filled meanwhile'],
)
def test_disks_and_places_are_the_users(ended, body, found):
    code, _, errors = ended(body)
    assert code == 2
    assert f'found:    {found}' in errors
    assert 'Traceback' not in errors


def test_another_os_error_is_a_bug(ended):
    code, _, errors = ended("open('no/such/file')")
    assert code == 1
    assert 'FileNotFoundError' in errors


def test_all_unknown_flags_at_once_with_what_is_near(ended):
    code, _, errors = ended('print(1)', '--numbr=4', '--nothing', '--number=5', '--nooptoin')
    assert code == 2
    assert errors.startswith('3 problems:')
    assert '--numbr\n' in errors
    assert 'Did you mean: number ?' in errors
    assert '--nothing\n' in errors
    assert '--nooptoin\n' in errors


@pytest.mark.parametrize(
    ('argument', 'said'),
    [
        ('--number=x', '--number=x'),
        ('--number', 'Missing value for flag --number'),
        ('--option=perhaps', '--option=perhaps'),
        ('--flagfile=no/such.flags', 'no/such.flags'),
        ('word', 'word'),
        ('--nooption=1', '--nooption=1'),
        ('-number', 'Missing value for flag -number'),
    ],
)
def test_a_wrong_argument(ended, argument, said):
    code, _, errors = ended('print(1)', argument)
    assert code == 2
    assert said in errors
    assert 'Traceback' not in errors


def test_unknown_flags_in_a_flagfile_are_named(ended, tmp_path):
    (tmp_path / 'a.flags').write_text('# comment\n--number=7\n--nubmer=8\n')
    code, _, errors = ended('print(1)', f'--flagfile={tmp_path / "a.flags"}')
    assert code == 2
    assert '--nubmer\n' in errors


@pytest.mark.parametrize(
    ('content', 'found'),
    [
        (b'--number=7\n# caf\xe9\n', 'text of another encoding'),
        (b'\xef\xbb\xbf--number=7\n', 'a byte order mark'),
        (b'\xef\xbb\xbf# comment\n--number=7\n', 'a byte order mark'),
    ],
    ids=['latin-1', 'mark before a flag', 'mark before a comment'],
)
def test_a_flagfile_that_an_editor_saved_otherwise(ended, tmp_path, content, found):
    (tmp_path / 'a.flags').write_bytes(content)
    code, _, errors = ended('print(1)', f'--flagfile={tmp_path / "a.flags"}')
    assert code == 2
    assert errors.startswith(f'1 problem:\n  --flagfile\n    found:    {found}\n')


def test_closed_streams_lead_to_nowhere(command, tmp_path):
    """A caller may close them all; the next file to be opened must not become standard error."""
    body = f"""
    with open({str(tmp_path / 'own')!r}, 'w') as file:
        file.write(f'{{file.fileno() > 2}} {{sys.stderr.isatty()}}')
"""
    shell = 'import os, sys; [os.close(n) for n in (0, 1, 2)]; os.execv(sys.argv[1], sys.argv[1:])'
    done = command('-c', shell, sys.executable, '-c', SCRIPT.format(body=body))
    assert done.returncode == 0
    assert (tmp_path / 'own').read_text() == 'True False'


@pytest.mark.parametrize(
    ('typed', 'value'),
    [
        ('--place=~/runs/a', 'HOME/runs/a'),
        ('-place=~', 'HOME'),
        ('--place=~/a,b,~/c', 'HOME/a,b,HOME/c'),
        ('--place=a~/b=c~', 'a~/b=c~'),
        ('--place=~other/a', '~other/a'),
    ],
)
def test_the_home_folder_behind_an_equals_sign(ended, monkeypatch, tmp_path, typed, value):
    """Shells put it in the place of ~ at the beginning of a word only."""
    monkeypatch.setenv('HOME', f'{tmp_path}')
    (tmp_path / 'a.flags').write_text(typed)
    for argument in (typed, f'--flagfile={tmp_path / "a.flags"}'):
        code, output, _ = ended('print(flags.FLAGS.place)', argument)
        assert (code, output) == (0, value.replace('HOME', f'{tmp_path}') + '\n')


def test_help_is_no_error(ended):
    code, output, _ = ended('print(1)', '--help')
    assert code == 0
    assert '--number: A number.' in output
    assert '--[no]option: An option.' in output


def test_wrong_values_and_unknown_flags_are_reported_together(ended):
    code, _, errors = ended('print(1)', '--number=x', '--numbr=4', '--option=perhaps')
    assert code == 2
    assert errors.startswith('3 problems:')
    for said in ('--number=x', '--option=perhaps', '--numbr\n'):
        assert said in errors


def test_a_wrong_value_after_a_blank_is_one_problem(ended):
    code, _, errors = ended("print('begun')", '--number', 'x', '--share', '2')
    assert code == 2
    assert errors.splitlines()[0] == '2 problems:'
    assert '--number=x' in errors and '--share=2' in errors


def test_nan_is_within_no_bounds(ended):
    code, output, errors = ended("print('begun')", '--share=nan')
    assert (code, output) == (2, '')
    assert errors.splitlines()[:3] == ['1 problem:', '  --share', '    found:    nan']


def test_what_a_command_finds_is_told_with_wrong_and_unknown_flags(command):
    """Nothing is done before: the command gets what is wrong so far, and adds to it."""
    script = SCRIPT.replace(
        'raise_if_any(problems)',
        "raise_if_any(problems + [Problem('--number', '3', 'an even number', 'change it')])",
    )
    done = command('-c', script.format(body="print('begun')"), '--numbr=4', '--option=x', 'word')
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr.startswith('4 problems:')
    for said in ('--numbr\n', '--option=x', 'found:    word', 'an even number'):
        assert said in done.stderr


def test_flags_after_two_dashes_are_arguments(ended):
    code, output, errors = ended('print(1)', '--', '--number=4', '--help')
    assert (code, output) == (2, '')
    assert '--number=4 --help' in errors
    assert 'Traceback' not in errors


def test_a_place_where_no_folder_can_be_made(ended):
    body = "from ct2mr_tf.files import write_text_whole; write_text_whole(PLACE, 'x')"
    code, _, errors = ended(body.replace('PLACE', "pathlib.Path('/proc/nowhere/out/file')"))
    assert code == 2
    assert 'no folder can be made there' in errors


def test_ctrl_c_in_a_destructor_is_not_lost(ended):
    """Python can only report what is raised in one, and goes on."""
    body = """
    import os, signal, time

    class Fragile:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            print('not reached')

    Fragile()
    print('going on', flush=True)
    time.sleep(60)
    print('whole')
"""
    code, output, errors = ended(body)
    assert (code, output) == (75, 'going on\n')
    assert errors == 'interrupted; the same command goes on or starts anew.\n'


def test_another_error_in_a_destructor_is_told(ended):
    body = """
    class Fragile:
        def __del__(self):
            raise ValueError('of no use')

    Fragile()
"""
    code, _, errors = ended(body)
    assert code == 0
    assert 'ValueError: of no use' in errors


def test_ctrl_c_while_a_command_loads_leaves_no_traceback(root):
    script = "import ct2mr_tf.cli.entry, time; print('loading', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, '-c', script],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == 'loading\n'
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 75
    assert errors == 'interrupted; nothing had begun.\n'
