"""What make would do, without doing it."""

import subprocess


def test_two_goals_at_once_go_the_whole_way_each(root):
    done = subprocess.run(
        ['make', '--dry-run', 'smoke', 'quickstart'], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for goal in ('smoke', 'quickstart'):
        assert f'train.py --flagfile=datasets/phantom/{goal}.flags' in done.stdout
