"""Trains the CT -> MR networks, or continues a run that was interrupted.

    python train.py --flagfile=datasets/phantom/quickstart.flags
    python train.py --flagfile=datasets/lumbar/paper.flags --data_dir=DATASET --workdir=RUN

Writes into the run folder: config.json, data.json, checkpoints/ (the newest three states), best/
(the generator with the lowest validation MAE), metrics.json, TensorBoard logs in train/ and val/.
SIGTERM and Ctrl-C finish the step, or the validation that runs, save and exit 75; the same command
then continues, to the same weights. Of several workers (--strategy=multi_worker) all stop when one
is asked to; when one is lost, the others exit 75 too.
"""

import pathlib
import sys

from ct2mr_tf.cli import config_flags, entry

# isort: split
from absl import flags

from ct2mr_tf.problems import Problem

config_flags.define_config_flags()
flags.adopt_module_key_flags(config_flags)
flags.DEFINE_string('workdir', '', 'Run folder to start or to continue.')
flags.DEFINE_bool(
    'allow_changed_data', False, 'Continue a run although its data set is not what it was.'
)


def main(problems: list[Problem]) -> None:
    """Flags -> configuration -> one call."""
    problems += [
        Problem(f'--{name}', 'nothing', 'a folder', f'name the folder of the {content}')
        for name, content in (('data_dir', 'prepared data set'), ('workdir', 'run'))
        if not flags.FLAGS[name].value
    ]
    config = config_flags.config_from_flags(problems)
    # Here, so that --help and wrong flags answer without waiting for TensorFlow.
    from ct2mr_tf.training.interruption import Interrupted
    from ct2mr_tf.training.loop import train_and_evaluate
    from ct2mr_tf.training.strategy import WorkerLost

    workdir = pathlib.Path(flags.FLAGS.workdir)
    try:
        train_and_evaluate(config, workdir, flags.FLAGS.allow_changed_data)
    except (Interrupted, WorkerLost) as interrupted:
        entry.tell(f'{interrupted}; the same command continues.')
        sys.exit(entry.EXIT_INTERRUPTED)


if __name__ == '__main__':
    entry.run(main)
