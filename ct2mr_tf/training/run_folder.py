"""The run folder: whose it is, whether it is new, and that no run is ever written over.

    config.json    the configuration, written last when a run is started
    data.json      hash of the data set and numbers of its pairs, at the last start
    checkpoints/   the newest states      best/   the generator with the lowest validation MAE
    train/, val/   TensorBoard logs       metrics.json   the best and last validation
    .lock          held while a process trains here

A folder with config.json holds a run. A folder without it is taken only if it is empty, or holds no
more than a start that was cut off leaves.
"""

import json
import logging
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from ct2mr_tf.config import CONFIG_FILE, Config, load_config, resume_problems, save_config
from ct2mr_tf.files import LOCK_FILE, write_text_whole
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.training import state as run_state

DATA_FILE = 'data.json'
"""What `describe_data_set` said of the data set when the run was last started."""

METRICS_FILE = 'metrics.json'
"""Validation metrics of the best and the last step."""


def open_run(
    config: Config,
    workdir: pathlib.Path,
    data: Mapping[str, object],
    allow_changed_data: bool = False,
) -> run_state.TrainState:
    """Starts a run in an empty folder, or continues the one that is there.

    Args:
        config: the configuration asked for.
        workdir: the run folder, locked by this process.
        data: what `describe_data_set` says of the data set.
        allow_changed_data: continue on another data set than that of the last start.

    Returns:
        The state to train on from.

    Raises:
        UserError: the folder holds another run, a run on another data set, a run without readable
            state, or other files.
    """
    if (workdir / CONFIG_FILE).exists():
        problems = resume_problems(load_config(workdir), config)
        changed = _changed_data(workdir, data)
        if not allow_changed_data:
            problems += changed
        raise_if_any(problems)
        _known_metrics(workdir)  # a damaged file is told now, not after the next validation
        for problem in changed:
            logging.warning('Going on, as told, although the data set changed:\n%s', problem)
        state = run_state.create_train_state(config)
        run_state.restore_checkpoint(state, workdir)
    else:
        raise_if_any(_foreign_files(workdir))
        state = run_state.create_train_state(config)
        run_state.save_checkpoint(state, workdir)
    write_text_whole(workdir / DATA_FILE, json.dumps(data, indent=2) + '\n')
    # Last of all: its presence says that a state is there. On resume, the intervals may have
    # changed.
    save_config(config, workdir)
    return state


def _changed_data(workdir: pathlib.Path, data: Mapping[str, object]) -> list[Problem]:
    """Whether the data set is another than at the last start; runs of old did not write it down."""
    path = workdir / DATA_FILE
    if not path.exists():
        return []
    cure = 'restore the data set, or add --allow_changed_data to go on with the one that is there'
    try:
        known = _json_object(path)
    except (ValueError, OSError) as error:
        return [Problem(str(path), str(error), 'readable JSON', cure)]
    if known == data:
        return []
    return [
        Problem('--data_dir', _in_words(data), f'{_in_words(known)}, as at the last start', cure)
    ]


def has_data_set(workdir: pathlib.Path, data: Mapping[str, object]) -> bool:
    """Whether a run was last started on a data set; False where nothing readable says on which.

    Args:
        workdir: the run folder.
        data: what `describe_data_set` says of the data set.
    """
    try:
        return _json_object(workdir / DATA_FILE) == data
    except (ValueError, OSError):
        return False


def _json_object(path: pathlib.Path) -> dict[str, Any]:
    known = json.loads(path.read_text(encoding='utf-8'))
    if not isinstance(known, dict):
        raise ValueError('JSON, but no object')
    return known


def _in_words(data: Mapping[str, object]) -> str:
    """A description of a data set in one line."""
    return ', '.join(
        f'{name} {str(value)[:12] if name == "sha256" else value}' for name, value in data.items()
    )


def _foreign_files(workdir: pathlib.Path) -> list[Problem]:
    """What stands in a folder without config.json and is not left from a start that was cut off."""
    expected = {LOCK_FILE, DATA_FILE, run_state.CHECKPOINTS_FOLDER}
    foreign = sorted(
        path.name
        for path in workdir.iterdir()
        if path.name not in expected and not path.name.startswith('.writing-')
    )
    if run_state.has_checkpoints(workdir):
        foreign.append(run_state.CHECKPOINTS_FOLDER)
    if not foreign:
        return []
    found = f'no {CONFIG_FILE}, but {", ".join(foreign[:5])}'
    if len(foreign) > 5:
        found += f' and {len(foreign) - 5} more'
    cure = f'choose a new --workdir, or restore {CONFIG_FILE} of the run that was here'
    return [Problem(f'{workdir}', found, 'an empty folder or a whole run', cure)]


def write_metrics(workdir: pathlib.Path, step: int, metrics: dict[str, float], best: bool) -> None:
    """Updates metrics.json: 'last', and 'best' too where this validation is the best so far."""
    path = workdir / METRICS_FILE
    # A correlation of a constant picture is no number, which JSON cannot hold.
    finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
    written = {'step': step, **finite}
    known = _known_metrics(workdir)
    known = {**known, 'last': written, **({'best': written} if best else {})}
    write_text_whole(path, json.dumps(known, indent=2) + '\n')


def _known_metrics(workdir: pathlib.Path) -> dict[str, dict[str, float | None]]:
    path = workdir / METRICS_FILE
    try:
        return _json_object(path) if path.exists() else {}
    except ValueError as error:
        cure = 'restore the file, or delete it: the next validation writes another'
        raise UserError([Problem(f'{path}', f'{error}', 'readable JSON', cure)]) from None


def metrics_of_step(workdir: pathlib.Path, step: int) -> dict[str, float | None]:
    """The validation metrics of a step, None where one was no number; empty if it had none."""
    for metrics in _known_metrics(workdir).values():
        if metrics['step'] == step:
            return {name: value for name, value in metrics.items() if name != 'step'}
    return {}
