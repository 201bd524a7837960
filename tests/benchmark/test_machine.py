"""What is said of a machine, and what is not."""

import json
import os
import platform

from ct2mr_tf.benchmark import machine


def test_the_machine_is_described_without_its_name():
    found = machine.describe_machine()
    assert found['cores'] == len(os.sched_getaffinity(0))
    assert found['memory_gib'] > 0
    assert found['python'] == platform.python_version()
    assert set(found['cpu_flags']) <= set(machine.INTERESTING_FLAGS)
    text = json.dumps(found)
    assert platform.node() not in text.replace(found['cpu'], '')


def test_settings_of_the_environment_are_written_down(monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '3')
    assert machine.describe_machine()['settings']['OMP_NUM_THREADS'] == '3'


def test_versions_of_packages():
    assert machine.package_version('numpy').startswith('1.')
    assert machine.package_version('no-such-package') is None
    assert machine.load_average() >= 0
