"""Tables as files: one CSV each, and all of them as the sheets of one XLSX."""

import io
import pathlib
import re
import zipfile

import pandas as pd

TABLES_FOLDER = 'tables'
"""Where the CSV files lie in a report."""

WORKBOOK_FILE = 'tables.xlsx'
"""The workbook in a report."""

NO_DATE = b'1980-01-01T00:00:00Z'
"""Stands for the time of writing in a workbook: the same tables give the same bytes."""


def write_tables(folder: pathlib.Path, tables: dict[str, pd.DataFrame]) -> None:
    """Writes every table as `tables/<name>.csv` and as a sheet of `tables.xlsx`.

    Args:
        folder: of the report.
        tables: by name, at most 31 characters (the limit of a sheet's name); the index is written.
    """
    (folder / TABLES_FOLDER).mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / TABLES_FOLDER / f'{name}.csv')
    (folder / WORKBOOK_FILE).write_bytes(_workbook(tables))


def _workbook(tables: dict[str, pd.DataFrame]) -> bytes:
    """The bytes of an XLSX; text stays text, even where it begins like a formula."""
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer, engine='openpyxl') as writer:
        for name, table in tables.items():
            table.reset_index().to_excel(writer, sheet_name=name, index=False, freeze_panes=(1, 1))
            sheet = writer.sheets[name]
            for cells in sheet.iter_rows():
                for cell in cells:
                    # openpyxl takes text that begins with = for a formula.
                    cell.data_type = 's' if cell.data_type == 'f' else cell.data_type
            sheet.column_dimensions['A'].width = 28
    return _without_dates(buffer.getvalue())


def _without_dates(workbook: bytes) -> bytes:
    """The same workbook with NO_DATE in place of the time of writing, in all its parts."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook)) as dated,
        zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as undated,
    ):
        for part in dated.namelist():
            content = dated.read(part)
            if part == 'docProps/core.xml':
                content = re.sub(rb'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', NO_DATE, content)
            # A ZipInfo made by name alone has the first date that a ZIP knows, 1980-01-01.
            undated.writestr(zipfile.ZipInfo(part), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
