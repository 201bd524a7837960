"""A reader study on disk: the public description, a page for each reader, and the key."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Mapping, Sequence

from ct2mr_tf.evaluation.cases import Case
from ct2mr_tf.files import folder_written_whole, write_text_whole
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.reader_study import reader_pages, reader_plan, study_files, study_key
from ct2mr_tf.reader_study.study_files import Study

MOST_ITEMS = 20
"""Most items that are rated in each trial: more sliders than that nobody moves with care."""

MOST_ITEM_LENGTH = 60
"""Most characters of an item: what fits on one line above its slider."""

README = """A reader study.

pages/       one page a reader. Hand each reader one page, and nothing else: it opens in any
             browser, without a network. At the end it saves answers_<reader>.csv, which the
             reader sends back.
study.json   what the pages have in common. Scoring reads it.
key/         what each trial shows. Keep it from the readers until all answers are in.

Score the answers with

    python -m ct2mr_tf.cli.reader_study score --study=THIS_FOLDER --answers=ANSWERS --out=RESULT

Synthetic MR is not for diagnosis.
"""
"""README.txt of a study's folder."""


@dataclasses.dataclass(frozen=True)
class Design:
    """What a study is to be.

    Attributes:
        kind: one of `study_files.KINDS`.
        readers: number of readers.
        seed: as `reader_plan.create_seed` makes it.
        items: what is rated; empty but with similarity.
    """

    kind: str
    readers: int
    seed: str
    items: tuple[str, ...] = ()


def read_items(path: pathlib.Path) -> tuple[str, ...]:
    """Reads what is to be rated in each trial: a text file, one item a line.

    Raises:
        UserError: the file cannot be read, holds none or more than MOST_ITEMS, or an item stands
            there twice, is longer than MOST_ITEM_LENGTH, holds control characters, or is called
            what the mean of all is.
    """
    try:
        lines = path.read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        found = getattr(error, 'strerror', None) or 'text that is not UTF-8'
        cure = 'name a text file with one item a line'
        raise UserError([Problem(f'{path}', found, 'a text file in UTF-8', cure)]) from None
    items = tuple(line.strip() for line in lines if line.strip())
    problems = [
        Problem(f'{path}', f'item {item!r}', expected, cure)
        for item in dict.fromkeys(items)
        for wrong, expected, cure in (
            (items.count(item) > 1, 'each item once', 'correct the line'),
            (len(item) > MOST_ITEM_LENGTH, f'at most {MOST_ITEM_LENGTH} characters', 'shorten it'),
            (not item.isprintable(), 'printable characters', 'correct the line'),
            (
                item == study_files.ALL_ITEMS,
                'another name: scoring calls the mean of all items so',
                "rename it, for example 'Overall'",
            ),
        )
        if wrong
    ]
    if not 0 < len(items) <= MOST_ITEMS:
        found, expected = f'{len(items)} items', f'1 to {MOST_ITEMS}'
        problems.append(Problem(f'{path}', found, expected, 'write one item a line'))
    raise_if_any(problems)
    return items


def write_study_folder(
    design: Design, cases: Sequence[Case], origin: Mapping[str, object], out: pathlib.Path
) -> Study:
    """Writes the folder of a study, whole or not at all.

    Args:
        design: what the study is to be.
        cases: at least one, all of one size.
        origin: where the cases come from; for the key.
        out: the folder to write; missing or empty.

    Returns:
        What may be known of the study.

    Raises:
        OSError: the folder cannot be written, or is not free.
    """
    study = Study(
        study_id=_study_id(design, cases),
        kind=design.kind,
        cases=len(cases),
        trials=len(cases) * (2 if design.kind == 'yes_no' else 1),
        readers=reader_plan.reader_names(design.readers),
        items=design.items,
    )
    plans = {
        reader: reader_plan.draw_trials(
            study.kind, study.cases, reader, design.seed, study.study_id
        )
        for reader in study.readers
    }
    with folder_written_whole(out) as folder:
        study_files.write_study(study, folder)
        write_text_whole(folder / 'README.txt', README)
        for reader, trials in plans.items():
            pictures = (
                reader_pages.shown_pictures(study.kind, cases[trial.case - 1], trial.truth)
                for trial in trials
            )
            path = folder / study_files.PAGES_FOLDER / f'{reader}.html'
            reader_pages.write_reader_page(path, study, reader, pictures)
        study_key.write_key(study, plans, cases, folder / study_key.KEY_FOLDER)
        build = {'seed': design.seed, **origin}
        path = folder / study_key.KEY_FOLDER / study_key.BUILD_FILE
        write_text_whole(path, json.dumps(build, indent=1) + '\n')
    return study


def _study_id(design: Design, cases: Sequence[Case]) -> str:
    """Another design, case or model is another study, to which no answers to this one belong."""
    digest = hashlib.sha256()
    for case in cases:
        for picture in (case.ct, case.real, case.synthetic):
            digest.update(picture.tobytes())
    names = [case.pair_id for case in cases]
    content = [design.kind, design.readers, design.items, names, digest.hexdigest()]
    return reader_plan.study_id_of(design.seed, json.dumps(content))
