"""Tables as files: what was written is read back by others."""

import math
import zipfile

import pandas as pd

from ct2mr_tf.evaluation.workbooks import write_tables

TABLES = {
    'cases': pd.DataFrame(
        {'mae': [1.25, 1 / 3], 'psnr_db': [math.inf, 20.5]},
        index=pd.Index(['0001', '=1+1'], name='pair_id'),
    ),
    'summary': pd.DataFrame(
        {'mean': [1.5, math.nan]}, index=pd.Index(['model', 'floor'], name='predictor')
    ),
}


def test_workbook_and_files_hold_the_same_tables(tmp_path):
    write_tables(tmp_path, TABLES)
    for name, table in TABLES.items():
        index = table.index.name
        # Names stay text, also one that looks like a number or a formula.
        from_csv = pd.read_csv(tmp_path / 'tables' / f'{name}.csv', dtype={index: str})
        pd.testing.assert_frame_equal(from_csv.set_index(index), table)
        sheet = pd.read_excel(tmp_path / 'tables.xlsx', sheet_name=name, dtype={index: str})
        sheet = sheet.replace('inf', math.inf).astype(dict.fromkeys(table.columns, float))
        pd.testing.assert_frame_equal(sheet.set_index(index), table)


def test_text_that_looks_like_a_formula_is_no_formula(tmp_path):
    import openpyxl

    write_tables(tmp_path, TABLES)
    cell = openpyxl.load_workbook(tmp_path / 'tables.xlsx')['cases']['A3']
    assert (cell.value, cell.data_type) == ('=1+1', 's')


def test_the_time_of_writing_is_nowhere(tmp_path):
    """So that the same tables give the same bytes."""
    write_tables(tmp_path, TABLES)
    with zipfile.ZipFile(tmp_path / 'tables.xlsx') as workbook:
        assert {part.date_time for part in workbook.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert workbook.read('docProps/core.xml').count(b'1980-01-01T00:00:00Z') == 2
