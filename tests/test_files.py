"""Files appear whole or not at all, and a folder is held by one process, whatever ends either."""

import dataclasses
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys

import pytest

from ct2mr_tf.files import (
    LOCK_FILE,
    folder_written_whole,
    in_the_way,
    locked_folder,
    read_manifest,
    taken_for_pattern,
    write_text_whole,
    written_whole,
)
from ct2mr_tf.problems import UserError


def test_a_block_that_ends_well_leaves_one_whole_file(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'table.csv'
    with written_whole(path) as temporary:
        assert temporary.parent == path.parent
        assert temporary.suffix == '.csv'
        temporary.write_text('a,b\n')
        assert not path.exists()
    assert path.read_text() == 'a,b\n'
    assert list(path.parent.iterdir()) == [path]


def test_what_stood_there_is_replaced_only_at_the_end(tmp_path):
    path = tmp_path / 'table.csv'
    path.write_text('old')
    with written_whole(path) as temporary:
        temporary.write_text('new')
        assert path.read_text() == 'old'
    assert path.read_text() == 'new'


@pytest.mark.parametrize('error', [RuntimeError, OSError, KeyboardInterrupt, SystemExit])
def test_an_exception_in_the_block_changes_nothing(tmp_path, error):
    path = tmp_path / 'table.csv'
    path.write_text('old')
    with pytest.raises(error), written_whole(path) as temporary:
        temporary.write_text('half')
        raise error
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_file_before_an_exception_leaves_none(tmp_path):
    with pytest.raises(RuntimeError), written_whole(tmp_path / 'x.png') as temporary:
        temporary.write_text('half')
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('there', [True, False])
def test_what_a_link_leads_to_is_written(tmp_path, there):
    """A map of pseudonyms that is linked to an encrypted disk must not lie beside it."""
    (tmp_path / 'disk').mkdir()
    target, link = tmp_path / 'disk' / 'map.csv', tmp_path / 'map.csv'
    if there:
        target.write_text('old')
    link.symlink_to(target)
    write_text_whole(link, 'new')
    assert link.is_symlink()
    assert target.read_text() == 'new'
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize('there', [False, True])
def test_a_folder_appears_whole(tmp_path, there):
    out = tmp_path / 'new' / 'study'
    if there:
        out.mkdir(parents=True)  # an empty folder is taken
    with folder_written_whole(out) as work:
        assert work.parent == out.parent
        (work / 'a.txt').write_text('a')
        assert not (out / 'a.txt').exists()
    assert [path.name for path in out.iterdir()] == ['a.txt']
    assert list(out.parent.iterdir()) == [out]
    assert out.stat().st_mode & 0o777 == 0o755


def test_a_folder_appears_not_at_all_after_an_exception(tmp_path):
    with pytest.raises(RuntimeError), folder_written_whole(tmp_path / 'study') as work:
        (work / 'a.txt').write_text('a')
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_filled_meanwhile_is_left_alone(tmp_path):
    out = tmp_path / 'study'
    with pytest.raises(OSError, match='not empty'), folder_written_whole(out) as work:
        (work / 'a.txt').write_text('mine')
        out.mkdir()
        (out / 'a.txt').write_text('theirs')
    assert (out / 'a.txt').read_text() == 'theirs'
    assert list(tmp_path.iterdir()) == [out]


KILLED_WITHIN = """
import pathlib, sys, time
from ct2mr_tf.files import written_whole
with written_whole(pathlib.Path(sys.argv[1])) as temporary:
    temporary.write_text('half')
    print('inside', flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize('write', [written_whole, folder_written_whole])
def test_a_folder_in_which_nothing_can_be_made(write):
    with pytest.raises(UserError) as caught, write(pathlib.Path('/proc/out')):
        pass
    assert caught.value.problems[0].where == '/proc/out'
    assert caught.value.problems[0].expected == 'a place to write to'


def test_a_process_killed_in_the_block_changes_nothing(tmp_path, root):
    path = tmp_path / 'table.csv'
    path.write_text('old')
    arguments = [sys.executable, '-c', KILLED_WITHIN, str(path)]
    with subprocess.Popen(arguments, cwd=root, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == 'inside\n'
        child.kill()
    assert child.returncode == -signal.SIGKILL
    assert path.read_text() == 'old'
    left = [other.name for other in tmp_path.iterdir() if other != path]
    assert len(left) == 1
    assert left[0].startswith('.writing-')


@pytest.mark.parametrize('umask', [0o022, 0o077, 0o002])
def test_a_finished_file_has_the_usual_mode(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_text_whole(tmp_path / 'a.txt', 'text')
        (tmp_path / 'b.txt').write_text('text')
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ('a.txt', 'b.txt')}
    assert modes == {0o666 & ~umask}


def test_a_device_or_pipe_is_not_replaced(tmp_path):
    """As root, a rename would put a file in the place of /dev/null."""
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match='pipe'):
        write_text_whole(pipe, 'text')
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_folder_is_not_a_place_for_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ('.', '/', f'{tmp_path}'):
        with pytest.raises(IsADirectoryError):
            write_text_whole(pathlib.Path(folder), 'text')
    assert not list(tmp_path.iterdir())


def test_text_is_utf_8(tmp_path):
    write_text_whole(tmp_path / 'a.json', 'λ = 10, 5° ± 1')
    assert (tmp_path / 'a.json').read_bytes() == 'λ = 10, 5° ± 1'.encode()


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(OSError, match='file'), written_whole(tmp_path / 'file' / 'x.csv'):
        pytest.fail('the block must not run')


def test_a_full_disk_changes_nothing(tmp_path):
    path = tmp_path / 'table.csv'
    path.write_text('old')
    with pytest.raises(OSError, match='No space left'), written_whole(path) as temporary:
        temporary.unlink()
        temporary.symlink_to('/dev/full')
        temporary.write_text('too much')
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


HOLD = (
    'import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire();'
    'print("held", flush=True); sys.stdin.read()'
)
"""Holds a lock until its standard input closes."""


@pytest.fixture
def holder(tmp_path):
    """A process of its own that holds the run folder."""
    lock = str(tmp_path / LOCK_FILE)
    with subprocess.Popen(
        [sys.executable, '-c', HOLD, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == 'held\n'
        yield process
        process.kill()


def test_a_folder_that_another_process_holds_is_refused(tmp_path, holder):
    with (
        pytest.raises(UserError, match='another process works in it'),
        locked_folder(tmp_path, '--workdir=run'),
    ):
        pytest.fail('entered')


def test_a_killed_process_holds_nothing(tmp_path, holder):
    holder.kill()
    holder.wait()
    with locked_folder(tmp_path, '--workdir=run'):
        pass


def test_the_lock_is_freed_by_an_error_and_makes_the_folder(tmp_path):
    workdir = tmp_path / 'runs' / 'new'
    with pytest.raises(ZeroDivisionError), locked_folder(workdir, '--workdir=run'):
        raise ZeroDivisionError
    with locked_folder(workdir, '--workdir=run'):
        assert workdir.is_dir()


def test_a_file_in_the_place_of_the_folder_is_a_problem_of_the_user(tmp_path):
    (tmp_path / 'run').write_text('a file')
    for workdir in (tmp_path / 'run', tmp_path / 'run' / 'below'):
        with (
            pytest.raises(UserError, match='expected: a folder'),
            locked_folder(workdir, '--workdir=run'),
        ):
            pytest.fail('entered')


def test_nothing_is_in_the_way_of_what_is_missing_or_an_empty_folder(tmp_path):
    folder = tmp_path / 'folder'
    assert in_the_way(folder) == []
    folder.mkdir()
    assert in_the_way(folder) == []
    (folder / 'file').touch()
    (problem,) = in_the_way(folder)
    assert (problem.where, problem.found) == (f'{folder}', 'something already')
    (problem,) = in_the_way(folder / 'file')
    assert problem.found == 'a file'


def test_a_link_is_in_the_way_whether_or_not_it_leads_somewhere(tmp_path):
    (tmp_path / 'folder').mkdir()
    for target in ('folder', 'missing'):
        link = tmp_path / f'link to {target}'
        link.symlink_to(tmp_path / target)
        assert len(in_the_way(link)) == 1
        with pytest.raises(OSError, match='Not a directory'), folder_written_whole(link):
            pass


def test_the_empty_folder_one_stands_in_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert in_the_way(pathlib.Path()) == []


def test_a_mounted_folder_is_in_the_way(tmp_path):
    """Found before hours of work, not by the rename at their end."""
    if not shutil.which('mount') or os.geteuid():
        pytest.skip('only root mounts a disk')
    folder = tmp_path / 'disk'
    folder.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip('this root may not mount')
    try:
        (problem,) = in_the_way(folder)
        assert 'a mounted folder' in problem.found
        with pytest.raises(OSError, match='busy'), folder_written_whole(folder):
            pass
        with folder_written_whole(folder / 'within') as work:
            (work / 'file').touch()
    finally:
        subprocess.run(['umount', '--lazy', str(folder)], check=True)


@dataclasses.dataclass(frozen=True)
class Made:
    """What a folder was made from."""

    size: int
    names: list[str]


def test_a_folder_says_what_it_was_made_from(tmp_path):
    assert read_manifest(tmp_path / 'missing', 'made.json', Made) is None
    assert read_manifest(tmp_path, 'made.json', Made) is None
    (tmp_path / 'made.json').write_text('{"size": 3, "names": ["a"]}')
    assert read_manifest(tmp_path, 'made.json', Made) == Made(3, ['a'])
    assert read_manifest(tmp_path, 'made.json', dict) == {'size': 3, 'names': ['a']}


@pytest.mark.parametrize(
    ('text', 'found'),
    [
        (None, 'something already'),
        ('', 'a made.json that cannot be read'),
        ('[1]', 'a made.json that cannot be read'),
        ('{"size": 3, "colour": "red"}', 'a made.json that cannot be read'),
        ('{"size": 3', 'a made.json that cannot be read'),
    ],
)
def test_a_folder_that_holds_something_else(tmp_path, text, found):
    (tmp_path / 'thesis').write_text('mine')
    if text is not None:
        (tmp_path / 'made.json').write_text(text)
    with pytest.raises(UserError) as caught:
        read_manifest(tmp_path, 'made.json', Made)
    (problem,) = caught.value.problems
    assert (problem.where, problem.found) == (f'{tmp_path}', found)
    assert problem.expected == 'a new or empty folder'


@pytest.mark.parametrize('name', ['m[1]', 'a[b', 'a\\b'])
def test_what_tensorflow_takes_for_a_pattern(tmp_path, name):
    (problem,) = taken_for_pattern(tmp_path / name / '1', '--export_dir')
    assert problem.where == '--export_dir'
    assert 'takes for a pattern' in problem.found


@pytest.mark.parametrize('name', ['m', 'm]', 'm*', 'm?', 'm{1}', '디스크 1'])
def test_what_tensorflow_takes_for_itself(name):
    assert taken_for_pattern(pathlib.Path(name), '--export_dir') == []
