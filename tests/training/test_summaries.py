import json

import cv2
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from ct2mr_tf.config import Config, to_json
from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.figures import panel
from ct2mr_tf.training.summaries import RunSummaries


def written(folder):
    events = EventAccumulator(str(folder), size_guidance={'tensors': 0})
    return events.Reload()


def values(events, tag):
    return [
        (event.step, tensor_util.make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)
    ]


def test_scalars_of_training_are_at_their_steps(tmp_path):
    summaries = RunSummaries(tmp_path)
    summaries.write_train({'generator/l1': 0.5, 'learning_rate': 2e-4}, 10)
    summaries.write_train({'generator/l1': 0.25, 'learning_rate': 1e-4}, 20)
    summaries.close()
    events = written(tmp_path / 'train')
    assert [(step, float(value)) for step, value in values(events, 'generator/l1')] == [
        (10, 0.5),
        (20, 0.25),
    ]
    assert np.allclose([value for _, value in values(events, 'learning_rate')], [2e-4, 1e-4])


def test_the_configuration_is_there_as_text(tmp_path):
    config = Config(image_size=(64, 48), seed=7)
    summaries = RunSummaries(tmp_path)
    summaries.write_config(config, 0)
    summaries.close()
    ((_, text),) = values(written(tmp_path / 'train'), 'config')
    shown = text.item().decode().removeprefix('```json\n').removesuffix('```')
    assert json.loads(shown) == json.loads(to_json(config))


def test_each_case_is_a_panel_of_its_own(tmp_path):
    grey = np.arange(16 * 12, dtype=np.uint8).reshape(16, 12)
    cases = [
        Case(name, grey, grey[::-1].copy(), grey[:, ::-1].copy(), {'mae': 1.0})
        for name in ('first', 'second')
    ]
    summaries = RunSummaries(tmp_path)
    summaries.write_validation({'mae': 12.5}, cases, 30)
    summaries.close()
    events = written(tmp_path / 'val')
    assert set(events.Tags()['tensors']) == {'mae', 'panels/first', 'panels/second'}
    ((step, image),) = values(events, 'panels/second')
    shown = cv2.imdecode(np.frombuffer(image[2], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert step == 30
    assert np.array_equal(shown, panel(cases[1]))


def test_a_process_that_writes_none_leaves_no_file(tmp_path):
    summaries = RunSummaries(tmp_path, wanted=False)
    summaries.write_config(Config(), 0)
    summaries.write_train({'generator/l1': 0.5}, 10)
    summaries.write_validation({'mae': 12.5}, [], 10)
    summaries.close()
    assert list(tmp_path.iterdir()) == []
