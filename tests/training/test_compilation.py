"""Where XLA compiles, and the layout that it is asked for."""

import dataclasses
import os

import pytest
import tensorflow as tf

from ct2mr_tf.config import Config
from ct2mr_tf.training import compilation

CONFIG = Config()


@pytest.fixture
def tf32_as_before():
    yield
    tf.config.experimental.enable_tensor_float_32_execution(True)


@pytest.mark.parametrize(('flag', 'expected'), [('on', True), ('off', False)])
def test_the_flag_decides(flag, expected):
    assert compilation.use_xla(dataclasses.replace(CONFIG, jit_compile=flag)) is expected


@pytest.mark.parametrize('gpus', [[], ['GPU']])
def test_without_the_flag_a_gpu_decides(monkeypatch, gpus):
    monkeypatch.setattr(tf.config, 'list_physical_devices', lambda kind: gpus)
    assert compilation.use_xla(CONFIG) is bool(gpus)


@pytest.mark.usefixtures('tf32_as_before')
@pytest.mark.parametrize('wanted', [True, False])
def test_tf32_is_set_for_the_process(monkeypatch, wanted):
    monkeypatch.setenv('XLA_FLAGS', 'flags.txt')
    compilation.configure_gpus(dataclasses.replace(CONFIG, tf32=wanted))
    assert tf.config.experimental.tensor_float_32_execution_enabled() == wanted


@pytest.mark.usefixtures('tf32_as_before')
@pytest.mark.parametrize(
    ('changes', 'given', 'expected'),
    [
        ({}, '', compilation.CHANNELS_LAST),
        ({}, '--xla_a=1', f'--xla_a=1 {compilation.CHANNELS_LAST}'),
        ({}, '--xla_gpu_force_conv_nchw=true', '--xla_gpu_force_conv_nchw=true'),
        ({}, '/etc/xla.flags', '/etc/xla.flags'),
        ({'tf32': False}, '--xla_a=1', '--xla_a=1'),
        ({'precision': 'bfloat16'}, '', ''),
    ],
)
def test_tf32_gets_its_layout_unless_the_user_chose_one(monkeypatch, changes, given, expected):
    monkeypatch.setenv('XLA_FLAGS', given)
    for _ in range(2):  # a second run in the same process adds nothing
        compilation.configure_gpus(dataclasses.replace(CONFIG, **changes))
    assert os.environ['XLA_FLAGS'] == expected
