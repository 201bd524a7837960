"""The run folder: whose it is, whether it is new, and that no run is ever written over.

    config.json    the configuration, written last when a run is started
    checkpoints/   the newest states      best/   the generator with the lowest validation MAE
    train/, val/   TensorBoard logs       metrics.json   the best and last validation
    .lock          held while a process trains here

A folder with config.json holds a run. A folder without it is taken only if it is empty, or holds no
more than a start that was cut off leaves.
"""

import json
import math
import pathlib

from ct2mr_tf.config import CONFIG_FILE, Config, load_config, resume_problems, save_config
from ct2mr_tf.files import LOCK_FILE, write_text_whole
from ct2mr_tf.problems import Problem, raise_if_any
from ct2mr_tf.training import state as run_state

METRICS_FILE = 'metrics.json'
"""Validation metrics of the best and the last step."""


def open_run(config: Config, workdir: pathlib.Path) -> run_state.TrainState:
    """Starts a run in an empty folder, or continues the one that is there.

    Args:
        config: the configuration asked for.
        workdir: the run folder, locked by this process.

    Returns:
        The state to train on from.

    Raises:
        UserError: the folder holds another run, a run without readable state, or other files.
    """
    if (workdir / CONFIG_FILE).exists():
        raise_if_any(resume_problems(load_config(workdir), config))
        state = run_state.create_train_state(config)
        run_state.restore_checkpoint(state, workdir)
    else:
        raise_if_any(_foreign_files(workdir))
        state = run_state.create_train_state(config)
        run_state.save_checkpoint(state, workdir)
    # Last of all: its presence says that a state is there. On resume, the intervals may have
    # changed.
    save_config(config, workdir)
    return state


def _foreign_files(workdir: pathlib.Path) -> list[Problem]:
    """What stands in a folder without config.json and is not left from a start that was cut off."""
    expected = {LOCK_FILE, run_state.CHECKPOINTS_FOLDER}
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
    metrics = {'step': step, **finite}
    known = json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}
    known = {**known, 'last': metrics, **({'best': metrics} if best else {})}
    write_text_whole(path, json.dumps(known, indent=2) + '\n')
