"""What commands on patients' studies share; the commands have tests of their own."""

import errno
import pathlib

import pytest

from ct2mr_tf.cli import study_command
from ct2mr_tf.imaging.pseudonyms import Pseudonyms
from ct2mr_tf.problems import UserError

PSEUDONYMS = Pseudonyms(b'sixteen bytes...')


def test_files_of_landmarks_are_named_by_pseudonym_and_noted():
    meanings = {}
    name_of = study_command.names_of_landmarks(PSEUDONYMS, meanings)
    name = name_of(pathlib.PurePosixPath('WIELAND/CT.mrk.json'))
    assert name.startswith('file-') and 'WIELAND' not in name
    assert meanings == {name: 'WIELAND/CT.mrk.json (landmarks)'}


def test_trouble_with_files_is_told_without_their_names():
    def main(problems):
        raise PermissionError(errno.EACCES, 'Permission denied', '/studies/WIELAND')

    with pytest.raises(UserError) as raised:
        study_command.without_paths(main)([])
    assert 'Permission denied' in str(raised.value)
    assert 'WIELAND' not in str(raised.value)


def test_a_full_disk_is_left_to_the_command():
    def main(problems):
        raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(OSError, match='No space left'):
        study_command.without_paths(main)([])


def test_an_output_that_nobody_reads_is_left_to_the_command():
    def main(problems):
        raise BrokenPipeError(errno.EPIPE, 'Broken pipe')

    with pytest.raises(BrokenPipeError):
        study_command.without_paths(main)([])


def test_progress_is_counted(capsys):
    with study_command.progress_bar('headers', 'file') as progress:
        for done in (3, 5):
            progress(done, 5)
    assert capsys.readouterr().out == ''
