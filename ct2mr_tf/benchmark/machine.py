"""What figures were taken on: processor, memory, accelerators, versions, and how busy it was."""

import importlib.metadata
import os
import pathlib
import platform

import tensorflow as tf

INTERESTING_FLAGS = ('avx2', 'avx512f', 'avx512_bf16', 'avx512_fp16', 'amx_bf16', 'amx_fp16')
"""Instructions, as Linux calls them, that decide how fast products of each type are."""

SETTINGS = (
    'XLA_FLAGS',
    'NVIDIA_TF32_OVERRIDE',
    'TF_ENABLE_ONEDNN_OPTS',
    'ONEDNN_MAX_CPU_ISA',
    'ONEDNN_DEFAULT_FPMATH_MODE',
    'OMP_NUM_THREADS',
    'TF_NUM_INTRAOP_THREADS',
    'TF_NUM_INTEROP_THREADS',
)
"""Environment variables that change speed."""


def describe_machine() -> dict[str, object]:
    """Processor, memory, accelerators and versions, with nothing that names the machine."""
    cpu = _cpu_info()
    gpus = tf.config.list_physical_devices('GPU')
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return {
        'cpu': cpu.get('model name', platform.processor() or platform.machine()),
        'cores': len(os.sched_getaffinity(0)),
        'cpu_flags': [flag for flag in INTERESTING_FLAGS if flag in cpu.get('flags', '').split()],
        'memory_gib': round(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30, 1),
        'gpus': [detail.get('device_name', 'GPU') for detail in details],
        'python': platform.python_version(),
        'tensorflow': tf.__version__,
        'onednn': _onednn_is_on(),
        'settings': {name: os.environ[name] for name in SETTINGS if name in os.environ},
    }


def load_average() -> float:
    """Processes that wanted to run, mean of the last minute; above the cores, others compete."""
    return round(os.getloadavg()[0], 2)


def package_version(name: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_info() -> dict[str, str]:
    """What Linux says of the first processor."""
    path = pathlib.Path('/proc/cpuinfo')
    text = path.read_text(encoding='utf-8').split('\n\n')[0] if path.exists() else ''
    pairs = (line.partition(':') for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _onednn_is_on() -> bool:
    """Whether the processor's kernels are oneDNN's; TensorFlow says so to its own tests only."""
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())
