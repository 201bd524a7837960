"""The Makefile, where it must refuse and by dry run: `make test` and `make smoke` show the rest."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]


def test_an_environment_of_another_python_is_told_with_the_cure(tmp_path):
    """Naming a right PYTHON is not enough where a wrong one has made .venv before."""
    for name in ('Makefile', 'setup.cfg', 'pyproject.toml'):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / 'sitecustomize.py').write_text("import sys; sys.version_info = (3, 12, 1, '', 0)")
    python = tmp_path / '.venv' / 'bin' / 'python'
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{tmp_path}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = subprocess.run(
        ['make', 'PYTHON=true', 'install'], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert '.venv has Python 3.12, and 3.10 or 3.11 is needed: rm -rf .venv, then' in done.stderr
    assert 'pip' not in done.stdout


def test_two_goals_at_once_go_the_whole_way_each():
    done = subprocess.run(
        ['make', '--dry-run', 'smoke', 'quickstart'], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for goal in ('smoke', 'quickstart'):
        assert f'train.py --flagfile=datasets/phantom/{goal}.flags' in done.stdout
