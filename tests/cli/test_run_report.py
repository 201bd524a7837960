"""The report of a run whose predictor is a plain function: what it knows of pairs and patients."""

import dataclasses

import pandas as pd
import pytest

from ct2mr_tf.cli.measured_run import open_run
from ct2mr_tf.cli.run_report import RunReport, compare_runs
from ct2mr_tf.config import Config, save_config
from ct2mr_tf.data.examples import load_examples
from ct2mr_tf.data.fingerprint import describe_data_set
from ct2mr_tf.evaluation import tables
from ct2mr_tf.evaluation.cases import case_table, collected


@pytest.fixture
def run(tiny_set, tmp_path):
    """A run on a data set whose table has windows and the edges of the body."""
    data_dir = tiny_set(tmp_path / 'set', (16, 24), {'train': 2, 'val': 1, 'test': 4})
    table = pd.read_csv(data_dir / 'pairs.csv')
    table = table.assign(
        half_side_mm=40, body_ventral_mm=40, body_left_mm=20, body_right_mm=20,
        ct_low_hu=-200.0, ct_high_hu=600.0,
    )  # fmt: skip
    table.loc[table.pair_id == 'test_03', 'body_left_mm'] = None
    table.loc[table.pair_id.isin(['test_00', 'test_01']), 'patient_id'] = 'another'
    table.to_csv(data_dir / 'pairs.csv', index=False)
    save_config(Config(data_dir=str(data_dir), image_size=(16, 24), n_layers=2), tmp_path / 'run')
    return open_run(tmp_path / 'run', '', 'test')


def write(run, folder):
    """Writes the report of the CT taken for MR; gives the page."""
    folder.mkdir()
    report = RunReport(run, folder, phantom=False)
    cases = case_table(collected(run.predict(lambda ct: ct), report.collectors))
    summary = tables.summary_table({tables.MODEL: cases})
    report.write('no generator', cases, {}, summary, None)
    return (folder / 'report.html').read_text(encoding='utf-8')


def test_the_report_knows_patients_window_and_landmarks(run, tmp_path):
    page = write(run, tmp_path / 'report')
    assert 'test: 4 pairs of 2 patients' in page
    assert '-200 to 600 HU' in page
    described = describe_data_set(run.data_dir, load_examples(run.data_dir, ('test',)))
    assert described['sha256'] in page
    assert str(tmp_path.parent) not in page
    regions = pd.read_csv(tmp_path / 'report' / 'tables' / 'regions.csv', index_col='pair_id')
    assert regions.index.tolist() == ['test_00', 'test_01', 'test_02']
    # 12 of 24 columns; of 16 rows of 5 mm, those down to 10 mm behind the middle.
    assert regions.inside_share.tolist() == [0.5 * 10 / 16] * 3


def test_pairs_of_several_windows_have_none(run, tmp_path):
    path = run.data_dir / 'pairs.csv'
    table = pd.read_csv(path)
    table.loc[table.pair_id == 'test_02', 'ct_low_hu'] = -150
    table.to_csv(path, index=False)
    assert 'CT window' not in write(run, tmp_path / 'report')


def test_a_data_set_without_a_table(run, tmp_path):
    (run.data_dir / 'pairs.csv').unlink()
    page = write(run, tmp_path / 'report')
    assert 'test: 4 pairs</dd>' in page
    assert 'Not known here.' in page


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A run whose predictor is given."""

    run: object
    predictor: object

    def __getattr__(self, name):
        return getattr(self.run, name)

    def restore(self, checkpoint):
        return self.predictor, 7


def test_a_comparison_counts_patients(run, tmp_path, capsys):
    """B is the CT a little nearer to the middle of the scale: better in some cases."""
    runs = Fixed(run, lambda ct: ct), Fixed(run, lambda ct: 0.5 * ct)
    compare_runs(runs, 'best', tmp_path)
    said = capsys.readouterr().out
    assert f'A: {run.name}, best generator, of step 7' in said
    assert f'4 test pairs of {run.data_set}' in said
    result = pd.read_csv(tmp_path / 'tables' / 'comparison.csv', index_col='metric')
    assert (result.cases == 4).all() and (result.patients == 2).all()
    a, b = (case_table(run.predict(one.predictor)).mae.mean() for one in runs)
    assert result.loc['mae', ['a_mean', 'b_mean']].tolist() == pytest.approx([a, b])
    assert 'of 2 patients' in (tmp_path / 'comparison.html').read_text(encoding='utf-8')
