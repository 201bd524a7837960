"""Measures training and synthesis on this machine, beside what the machine can give.

    python -m ct2mr_tf.cli.benchmark --out=benchmark.json
    python -m ct2mr_tf.cli.benchmark --flagfile=datasets/lumbar/paper.flags --against=torch

Prints one table, and with --out writes it and every single time as JSON: the rate of a large matrix
product, what one slice and one step need by their multiply-adds, how long they take and how often
that is the limit these give, the training loop with its pipeline, the pipeline alone, synthesis by
Keras and by SavedModel, the time to the first step and the memory of a fresh process. Everything is
timed in turn. All flags of a training run may be given; the defaults are the paper. Takes ten
minutes for the paper on two CPU cores. The machine should have nothing else to do: the load is
written down.
"""

import json
import pathlib
import tempfile

from ct2mr_tf.cli import config_flags, entry

# isort: split
from absl import flags

from ct2mr_tf.files import write_text_whole
from ct2mr_tf.problems import Problem, UserError

FLAGS = flags.FLAGS

config_flags.define_config_flags()
flags.adopt_module_key_flags(config_flags)
flags.DEFINE_string('workdir', '', 'Not used; flag files of training runs have it.')
flags.DEFINE_integer('repeats', 10, 'Rounds that count, after two to warm up.', lower_bound=2)
flags.DEFINE_multi_enum(
    'parts',
    ['step', 'loop', 'pipeline', 'inference', 'start'],
    ['step', 'loop', 'pipeline', 'inference', 'start'],
    'What to measure; the matrix product always is.',
)
flags.DEFINE_enum(
    'also',
    'bfloat16',
    ['none', 'float32', 'bfloat16', 'float16'],
    'Another precision to measure beside --precision.',
)
flags.DEFINE_enum(
    'against', 'none', ['none', 'torch'], 'Another library to take turns with (extra bench).'
)
flags.DEFINE_string('out', '', 'JSON file to write.')


def main(problems: list[Problem]) -> None:
    """Flags -> one call -> a table."""
    config = config_flags.config_from_flags(problems)
    if config.strategy != 'one':
        cure = 'leave out the flag'
        raise UserError([Problem('--strategy', config.strategy, 'one device to be timed', cure)])
    # Here, so that --help and wrong flags answer without waiting for TensorFlow.
    from ct2mr_tf.benchmark import machine, measuring, report

    if FLAGS.against == 'torch' and not machine.package_version('torch'):
        cure = "pip install 'ct2mr_tf[bench]'"
        raise UserError([Problem('--against=torch', 'no PyTorch', 'the extra bench', cure)])
    options = measuring.Options(
        config=config,
        parts=tuple(FLAGS.parts),
        repeats=FLAGS.repeats,
        also=() if FLAGS.also == 'none' else (FLAGS.also,),
        torch=FLAGS.against == 'torch',
    )
    with tempfile.TemporaryDirectory(prefix='ct2mr-benchmark-') as work:
        result = measuring.run_benchmark(options, pathlib.Path(work))
    found, load = result['machine'], result['load_average']
    print(f'{found["cpu"]}, {found["cores"]} cores, {", ".join(found["gpus"]) or "no GPU"}')
    print(
        f'TensorFlow {found["tensorflow"]}; load {load["before"]} before, {load["after"]} after\n'
    )
    print(report.as_text([report.Row(**row) for row in result['table']]))
    if FLAGS.out:  # after the table, which a place that cannot be written to shall not cost
        write_text_whole(pathlib.Path(FLAGS.out), json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    entry.run(main)
