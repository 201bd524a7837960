"""A benchmark from start to end, of the part that takes least."""

import json

from ct2mr_tf.benchmark import matrix_rate, measuring
from ct2mr_tf.config import Config

CONFIG = Config(image_size=(16, 16), ngf=2, ndf=2, blocks=1, n_layers=2)


def test_the_command_offers_every_part(root):
    text = (root / 'ct2mr_tf' / 'cli' / 'benchmark.py').read_text(encoding='utf-8')
    assert str(list(measuring.PARTS)) in text


def test_the_result_is_plain_and_names_no_place(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix_rate, 'CPU_SIDE', 100)
    options = measuring.Options(CONFIG, ('pipeline',), repeats=2, also=(), torch=False)
    result = measuring.run_benchmark(options, tmp_path)
    text = json.dumps(result)
    assert str(tmp_path) not in text
    assert set(result['times_s']) == {'product float32', 'pipeline'}
    assert [row['what'] for row in result['table']] == [
        'one slice needs',
        'one step needs',
        'float32: matrix product',
        'pipeline alone',
    ]
