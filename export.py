"""Exports the generator of a run for TensorFlow Serving, checked against the run's own pairs.

    python export.py --workdir=RUN --export_dir=MODELS
    python export.py --workdir=RUN --export_dir=MODELS --serving_kit=KIT --onnx=model.onnx

Writes MODELS/<version>/ whole or not at all: the SavedModel with its signatures (serving_default,
hu, png, model_card), warm-up requests and the model card. With --serving_kit also the files that a
server is started with, with --onnx the same network for ONNX runtimes. Takes half a minute for the
paper's network.
"""

import dataclasses
import pathlib

from ct2mr_tf.cli import entry, export_flags

# isort: split
from absl import flags

from ct2mr_tf.config import load_config
from ct2mr_tf.files import make_folder
from ct2mr_tf.problems import Problem, raise_if_any

FLAGS = flags.FLAGS

export_flags.define_export_flags()
flags.adopt_module_key_flags(export_flags)


def main(problems: list[Problem]) -> None:
    """Flags -> run and data set -> one call."""
    raise_if_any(problems + export_flags.flag_problems())
    workdir, export_dir = pathlib.Path(FLAGS.workdir), pathlib.Path(FLAGS.export_dir)
    trained = load_config(workdir)
    config = dataclasses.replace(trained, precision=FLAGS.precision or trained.precision)
    raise_if_any(export_flags.side_problems(config))
    data_dir = pathlib.Path(FLAGS.data_dir or config.data_dir)
    source = export_flags.open_source(data_dir)
    # Here, so that --help and wrong flags answer without waiting for TensorFlow.
    from ct2mr_tf.serving import export_folder, kit, model_hash, onnx_export
    from ct2mr_tf.training.precision import refuse_without_gpu
    from ct2mr_tf.training.run_folder import DATA_FILE, metrics_of_step
    from ct2mr_tf.training.state import restore_generator

    refuse_without_gpu(config.precision)
    raise_if_any(export_flags.other_data_set(source, workdir / DATA_FILE))
    raise_if_any(onnx_export.missing_packages() if FLAGS.onnx else [])
    raise_if_any(onnx_export.file_in_the_way(FLAGS.onnx) if FLAGS.onnx else [])
    if FLAGS.serving_kit:
        raise_if_any(kit.obstacles(FLAGS.serving_kit, FLAGS.name, export_dir))
    generator, step = restore_generator(config, workdir, FLAGS.checkpoint)
    card = export_flags.create_card(
        config,
        source,
        model_sha256=model_hash.model_sha256(generator, config, source.ct_window),
        step=step,
        # In another precision than it was validated in, a model has not been measured.
        validation=metrics_of_step(workdir, step) if config == trained else {},
    )
    pictures = source.pictures(config.image_size)
    # The version comes last of what can fail: servers take it as soon as it is there.
    if FLAGS.serving_kit:
        make_folder(pathlib.Path(FLAGS.serving_kit))
    if FLAGS.onnx:
        onnx_export.write_onnx(generator, card, pictures, pathlib.Path(FLAGS.onnx))
        print(f'ONNX: {FLAGS.onnx}')
    try:
        version = export_folder.write_version(generator, card, pictures, export_dir, FLAGS.version)
    except BaseException:
        if FLAGS.onnx:  # else the same command would find it in the way
            pathlib.Path(FLAGS.onnx).unlink()
        raise
    print(f'{FLAGS.checkpoint} generator, of step {step}: {version}')
    print(f'Model {card.model_sha256}, compared with the run on {len(pictures)} validation pairs.')
    if FLAGS.serving_kit:
        kit.write_kit(pathlib.Path(FLAGS.serving_kit), card, version)
        print(f'To start a server: {pathlib.Path(FLAGS.serving_kit) / kit.SCRIPT}')


if __name__ == '__main__':
    entry.run(main)
