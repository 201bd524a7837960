"""A reader's page: one HTML file with all its pictures, that tells nothing but what they show.

What goes into a page is the public study, the reader's name and the pictures in the order in which
they are shown: nothing else is at hand here, so nothing of the key can get into a page. Pictures
are PNG whose pixels are stored without compression, in the same chunks and without any metadata:
all that differs from one to the next are the pixels and their checksums. The page asks nothing of
a network, and forbids itself to by its Content-Security-Policy.
"""

import base64
import hashlib
import importlib.resources
import json
import pathlib
from collections.abc import Iterable, Sequence

import markupsafe
import numpy as np

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.evaluation.pages import write_page
from ct2mr_tf.imaging.stored_png import encode_stored_png
from ct2mr_tf.reader_study import study_files
from ct2mr_tf.reader_study.study_files import Study

SCRIPTS = ('reader_answers.js', 'reader_view.js', 'reader_page.js')
"""Templates that are joined to the page's script, in this order."""

STYLE = 'reader_page.css'
"""Template of the page's style."""


def shown_pictures(kind: str, case: Case, truth: str) -> tuple[np.ndarray, ...]:
    """The pictures of a trial in the order in which they are shown.

    Args:
        kind: of the study.
        case: the case.
        truth: the right answer of the trial.

    Returns:
        forced_choice: CT, MR 1, MR 2. yes_no: the MR. similarity: CT, synthetic MR, real MR. Each
        uint8 [H, W] in grey levels.
    """
    if kind == 'similarity':
        return case.ct, case.synthetic, case.real
    if kind == 'yes_no':
        return (case.real if truth == 'real' else case.synthetic,)
    pair = (case.real, case.synthetic)
    return (case.ct, *(pair if truth == '1' else reversed(pair)))


def write_reader_page(
    path: pathlib.Path, study: Study, reader: str, trials: Iterable[Sequence[np.ndarray]]
) -> None:
    """Writes the page of one reader, whole or not at all.

    Args:
        path: of the HTML file.
        study: the public description.
        reader: name of the reader.
        trials: the pictures of each trial, in order: see `shown_pictures`.

    Raises:
        ValueError: a picture is not uint8 [H, W], or there are not as many trials as the study has.
    """
    pictures = [
        [base64.b64encode(encode_stored_png(picture)).decode('ascii') for picture in trial]
        for trial in trials
    ]
    if len(pictures) != study.trials:
        raise ValueError(f'{len(pictures)} trials, not {study.trials}')
    content = {
        'format': study_files.FORMAT,
        'study_id': study.study_id,
        'reader': reader,
        'items': study.items,
        'choices': study_files.CHOICES[study.kind],
        'columns': study_files.ANSWER_COLUMNS,
        'field_mark': study_files.FIELD_MARK,
        'trials': pictures,
    }
    script, style = ''.join(map(_source, SCRIPTS)), _source(STYLE)
    write_page(
        path,
        'reader_page.html',
        study=study,
        reader=reader,
        roles=study_files.ROLES,
        most_years=study_files.MOST_YEARS,
        most_comment=study_files.MOST_COMMENT,
        # An item may hold what HTML takes for the end of a script, or the start of another.
        content=markupsafe.Markup(json.dumps(content).replace('<', '\\u003c')),  # noqa: S704
        script=markupsafe.Markup(script),  # noqa: S704 - the project's own file
        style=markupsafe.Markup(style),  # noqa: S704 - the project's own file
        script_hash=_content_hash(script),
        style_hash=_content_hash(style),
    )


def _source(name: str) -> str:
    """A script or style as it stands in the folder of templates."""
    folder = importlib.resources.files('ct2mr_tf').joinpath('templates')
    return folder.joinpath(name).read_text(encoding='utf-8')


def _content_hash(text: str) -> str:
    """The hash by which a Content-Security-Policy allows one inline script or style."""
    digest = hashlib.sha256(text.encode('utf-8')).digest()
    return f'sha256-{base64.b64encode(digest).decode("ascii")}'
