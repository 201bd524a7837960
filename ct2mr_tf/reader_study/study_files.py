"""The files of a reader study, and what stands in each: what building writes, scoring reads.

    STUDY/study.json              kind, readers, number of trials, items: nothing that is secret
    STUDY/pages/<reader>.html     what a reader gets: one page, with all pictures inside
    STUDY/key/key.csv             secret: what each trial of each reader shows
    STUDY/key/cases.csv           secret: the pair behind each case, and its metrics
    STUDY/key/build.json          secret: seed, checkpoint and data set
    answers_<reader>.csv          what a reader's page saves at the end

**Answers.** Comma-separated UTF-8 with the columns ANSWER_COLUMNS: one row a trial, and in studies
of similarity one row an item of a trial, in the order of `Study.rows`.

- `format` is FORMAT; `study_id`, `reader`, `role` (one of ROLES) and `years` (whole years of
  experience, 0 to MOST_YEARS) are the same in all rows;
- `trial` counts from 1, in the order in which the reader saw them; `item` is empty but in studies
  of similarity;
- `answer` is empty where there is none. Forced choice: '1' or '2', the picture taken for the real
  one. Yes or no: 'real' or 'synthetic'. Similarity: whole percent, '0' to '100';
- `seconds` were spent on the trial, `comment` was said of it (no control characters, no line
  breaks); both stand in every row of the trial.

**Checksum.** The last column of each row: 'x' and eight hexadecimal digits, the CRC-32 of the other
fields of the row joined by FIELD_MARK, in UTF-8, started from the checksum of the row before (from
0 in the first row). It does not depend on line ends, quotes or the sign between columns. An edited
field is told by its row; a row that was taken out, put in or moved, by the row behind it. It guards
against accidents only: who wants to deceive can compute it anew.
"""

import csv
import dataclasses
import io
import json
import pathlib
import zlib
from collections.abc import Sequence

from ct2mr_tf.files import write_text_whole
from ct2mr_tf.problems import Problem, UserError

FORMAT = '1'
"""Version of all these files."""

KINDS = ('forced_choice', 'yes_no', 'similarity')
"""Which of two MR is real; is this MR real; how similar are synthetic and real MR."""

CHOICES = {'forced_choice': ('1', '2'), 'yes_no': ('real', 'synthetic'), 'similarity': ()}
"""Answers of each kind of study; similarity is answered in percent."""

PAPER_ITEMS = (
    'Disc signal',
    'Degree of disc protrusion',
    'Muscle',
    'Fat tissue',
    'Facet joint signal',
    'Degree of stenosis',
    'Thecal sac',
    'Bone',
    'Overall',
)
"""The nine items of the paper's study of similarity (Table 3)."""

ALL_ITEMS = 'Mean of all items'
"""What the tables of a score call each reader's mean of a case: no item may be called so."""

ROLES = ('radiologist', 'spine_surgeon', 'resident', 'other')
"""What a reader is; the first three are the paper's."""

MOST_YEARS = 70
"""Most years of experience that a page takes."""

MOST_COMMENT = 2000
"""Most characters of a comment."""

STUDY_FILE = 'study.json'
"""Name of the public description of a study."""

PAGES_FOLDER = 'pages'
"""Where the readers' pages lie: the only thing to hand out."""

ANSWER_COLUMNS = (
    'format',
    'study_id',
    'reader',
    'role',
    'years',
    'trial',
    'item',
    'answer',
    'seconds',
    'comment',
    'checksum',
)
"""Columns of a file of answers."""

FIELD_MARK = '\x1f'
"""Stands between fields where their checksum is taken: ASCII's unit separator."""


@dataclasses.dataclass(frozen=True)
class Study:
    """What may be known of a study: its study.json.

    Attributes:
        study_id: 'S' and twelve hexadecimal digits; stands in every file of answers.
        kind: one of KINDS.
        cases: number of cases.
        trials: number of trials of each reader: as many as cases, and twice as many with yes_no.
        readers: names of the readers, which are also those of their pages.
        items: what is rated in each trial; empty but in studies of similarity.
    """

    study_id: str
    kind: str
    cases: int
    trials: int
    readers: tuple[str, ...]
    items: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[tuple[int, str], ...]:
        """Trial and item of each row of a file of answers, in order."""
        items = self.items or ('',)
        return tuple((trial, item) for trial in range(1, self.trials + 1) for item in items)


@dataclasses.dataclass(frozen=True)
class Answer:
    """One row of a file of answers: see the module's docstring."""

    trial: int
    item: str
    answer: str
    seconds: float
    comment: str


@dataclasses.dataclass(frozen=True)
class AnswerSheet:
    """A file of answers.

    Attributes:
        study_id: of the study it answers.
        reader: who answered, as in `Study.readers`.
        role: one of ROLES.
        years: whole years of experience.
        answers: the rows.
    """

    study_id: str
    reader: str
    role: str
    years: int
    answers: tuple[Answer, ...]


def row_checksum(fields: Sequence[str], before: int) -> int:
    """CRC-32 of a row (ISO/IEC 13239, as zlib computes it).

    Args:
        fields: the text of all columns but the checksum's, in order.
        before: what this function gave for the row before; 0 for the first.
    """
    return zlib.crc32(FIELD_MARK.join(fields).encode('utf-8'), before)


def checksum_text(checksum: int) -> str:
    """A checksum as the column shows it: the 'x' keeps spreadsheets from seeing a number."""
    return f'x{checksum:08x}'


def answers_text(sheet: AnswerSheet) -> str:
    """A file of answers, byte for byte as a reader's page saves it."""
    lines, checksum = io.StringIO(newline=''), 0
    writer = csv.writer(lines, lineterminator='\n')
    writer.writerow(ANSWER_COLUMNS)
    head = [FORMAT, sheet.study_id, sheet.reader, sheet.role, str(sheet.years)]
    for answer in sheet.answers:
        own = [str(answer.trial), answer.item, answer.answer, f'{answer.seconds:.1f}']
        fields = [*head, *own, answer.comment]
        checksum = row_checksum(fields, checksum)
        writer.writerow([*fields, checksum_text(checksum)])
    return lines.getvalue()


def write_study(study: Study, folder: pathlib.Path) -> None:
    """Writes study.json into the folder of a study."""
    content = {'format': FORMAT, **dataclasses.asdict(study)}
    write_text_whole(folder / STUDY_FILE, json.dumps(content, indent=1, ensure_ascii=False) + '\n')


def read_study(folder: pathlib.Path) -> Study:
    """Reads the study.json of a study's folder.

    Raises:
        UserError: it is missing, cannot be read, or is not what this version writes.
    """
    where, cure = f'{folder / STUDY_FILE}', 'name the folder that `reader_study build` wrote'
    try:
        content = json.loads((folder / STUDY_FILE).read_text(encoding='utf-8'))
        version = content['format']
        study = Study(
            study_id=content['study_id'],
            kind=content['kind'],
            cases=int(content['cases']),
            trials=int(content['trials']),
            readers=tuple(content['readers']),
            items=tuple(content['items']),
        )
    except OSError as error:
        found = error.strerror or 'unreadable'
        raise UserError([Problem(where, found, 'the description of a study', cure)]) from None
    except (ValueError, TypeError, KeyError):
        found = 'no description of a study'
        raise UserError([Problem(where, found, 'study.json as it was written', cure)]) from None
    if version != FORMAT or study.kind not in KINDS:
        found = f'format {version}, kind {study.kind}'
        raise UserError([Problem(where, found, f'format {FORMAT}, one of {KINDS}', cure)])
    return study
