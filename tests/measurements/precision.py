"""Does training in bfloat16 come as far as in float32? Validation MAE over seeds.

    python tests/measurements/precision.py DATASET FOLDER [FLAG ...]

Trains with `datasets/phantom/quickstart.flags` and the flags given, in both precisions with seeds 0
to 2, six runs in turn in FOLDER, and prints the best validation MAE of each and their means. With
the quickstart's data set and no other flags it takes half an hour on two CPU cores; with
`--image_size=64 --num_steps=800 --constant_steps=300 --decay_steps=500` five minutes. It measures
and never judges.
"""

import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRECISIONS = ('float32', 'bfloat16')
SEEDS = (0, 1, 2)


def best_mae(dataset: str, workdir: pathlib.Path, *extra: str) -> float:
    """Trains a run, or takes the one that is there; its best validation MAE in grey levels."""
    command = [
        *(sys.executable, 'train.py', '--flagfile=datasets/phantom/quickstart.flags'),
        *(f'--data_dir={dataset}', f'--workdir={workdir}', *extra),
    ]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    metrics = json.loads((workdir / 'metrics.json').read_text(encoding='utf-8'))
    return metrics['best']['mae']


def main(dataset: str, folder: str, *extra: str) -> None:
    """Trains all runs and prints what they came to."""
    found = {precision: [] for precision in PRECISIONS}
    for seed in SEEDS:
        for precision in PRECISIONS:
            workdir = pathlib.Path(folder).resolve() / f'{precision}-{seed}'
            flags = (f'--precision={precision}', f'--seed={seed}', *extra)
            mae = best_mae(str(pathlib.Path(dataset).resolve()), workdir, *flags)
            found[precision].append(mae)
            print(f'{precision:<9} seed {seed}  MAE {mae:.2f}', flush=True)
    means = {precision: statistics.mean(maes) for precision, maes in found.items()}
    for precision, mean in means.items():
        spread = statistics.stdev(found[precision])
        print(f'{precision:<9} mean {mean:.2f}, SD over seeds {spread:.2f}')
    ratio = means['bfloat16'] / means['float32']
    print(f'bfloat16 / float32: {ratio:.3f}')


if __name__ == '__main__':
    main(*sys.argv[1:])
