"""Baselines: by hand on tiny pictures, and the best of their kind."""

import numpy as np
import pytest
from scipy import ndimage

from ct2mr_tf.evaluation.baselines import fit_baselines
from ct2mr_tf.evaluation.metrics import to_grey_levels

NAMES = ['mean MR', 'CT itself', 'lookup mean', 'lookup median']


def as_values(levels):
    return np.asarray(levels, np.float32)[np.newaxis, ..., np.newaxis] / 127.5 - 1


def levels_of(predict_fn, ct):
    return to_grey_levels(predict_fn(as_values(ct)))[0, ..., 0]


def grey(rows):
    return np.array(rows, np.uint8)


# CT level 10 is seen with MR 0, 0, 90; level 20 with 100, 200; level 40 with 50, 51, 60.
PAIRS = [
    (grey([[10, 10], [20, 40]]), grey([[0, 90], [100, 50]])),
    (grey([[10, 40], [20, 40]]), grey([[0, 51], [200, 60]])),
]


def test_by_hand():
    baselines = fit_baselines(PAIRS)
    assert list(baselines) == NAMES
    ct = grey([[10, 20], [40, 40]])
    # Means of the two MR: (0+0)/2, (90+51)/2 = 70.5, (100+200)/2, (50+60)/2
    assert levels_of(baselines['mean MR'], ct).tolist() == [[0, 70], [150, 55]]
    assert levels_of(baselines['CT itself'], ct).tolist() == ct.tolist()
    # Means 30, 150 and 53.67; medians 0, 100 (the lower of two) and 51.
    assert levels_of(baselines['lookup mean'], ct).tolist() == [[30, 150], [54, 54]]
    assert levels_of(baselines['lookup median'], ct).tolist() == [[0, 100], [51, 51]]


def test_levels_never_seen_are_interpolated():
    baselines = fit_baselines(PAIRS)
    ct = grey([[0, 15], [30, 255]])
    # Below and above what was seen: the nearest level's. Between: half way.
    assert levels_of(baselines['lookup mean'], ct).tolist() == [[30, 90], [102, 54]]
    assert levels_of(baselines['lookup median'], ct).tolist() == [[0, 50], [76, 51]]


def test_the_mean_mr_forgets_the_ct():
    baselines = fit_baselines(PAIRS)
    black, white = np.zeros((2, 2), np.uint8), np.full((2, 2), 255, np.uint8)
    predicted = [levels_of(baselines['mean MR'], ct) for ct in (black, white)]
    np.testing.assert_array_equal(*predicted)


def test_pairs_come_as_a_stream():
    from_list, from_stream = fit_baselines(PAIRS), fit_baselines(pair for pair in PAIRS)
    ct = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for name in NAMES[1:]:
        np.testing.assert_array_equal(
            levels_of(from_list[name], ct), levels_of(from_stream[name], ct)
        )


def test_a_batch_is_predicted_row_by_row():
    baselines = fit_baselines(PAIRS)
    first, second = (as_values(ct) for ct, _ in PAIRS)
    for predict_fn in baselines.values():
        both = predict_fn(np.concatenate([first, second]))
        np.testing.assert_array_equal(both[:1], predict_fn(first))
        np.testing.assert_array_equal(both[1:], predict_fn(second))


def test_nothing_to_fit_on():
    with pytest.raises(ValueError, match='no training pair'):
        fit_baselines([])


@pytest.fixture(scope='module')
def random_pairs():
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(4):
        ct = ndimage.uniform_filter(rng.integers(0, 256, (24, 24)).astype(float), 3) // 8 * 8
        mr = np.clip(255 - ct + rng.exponential(40, ct.shape), 0, 255)
        pairs.append((ct.astype(np.uint8), mr.astype(np.uint8)))
    return pairs


@pytest.mark.parametrize(('name', 'power'), [('lookup mean', 2), ('lookup median', 1)])
def test_no_other_lookup_table_is_better(random_pairs, name, power):
    """Conditional mean: lowest MSE; conditional median: lowest MAE, among tables of grey levels."""
    every_level = np.arange(256, dtype=np.uint8).reshape(16, 16)
    best = levels_of(fit_baselines(random_pairs)[name], every_level).ravel().astype(int)
    ct = np.concatenate([pair[0].ravel() for pair in random_pairs])
    mr = np.concatenate([pair[1].ravel() for pair in random_pairs]).astype(int)

    def error(table):
        return np.mean(np.abs(table[ct] - mr) ** power)

    lowest = error(best)
    for level in np.unique(ct):
        for step in (-1, 1):
            near = best.copy()
            near[level] += step
            assert error(near) >= lowest
    rng = np.random.default_rng(1)
    for _ in range(100):
        far = np.clip(best + rng.integers(-9, 10, 256), 0, 255)
        assert error(far) >= lowest


def test_each_lookup_table_wins_by_its_own_measure(random_pairs):
    baselines = fit_baselines(random_pairs)
    errors = {
        name: np.concatenate(
            [(levels_of(predict_fn, ct) - mr.astype(int)).ravel() for ct, mr in random_pairs]
        )
        for name, predict_fn in baselines.items()
    }
    mae = {name: np.abs(error).mean() for name, error in errors.items()}
    mse = {name: (error**2).mean() for name, error in errors.items()}
    assert min(mae, key=mae.get) == 'lookup median'
    assert min(mse, key=mse.get) == 'lookup mean'
