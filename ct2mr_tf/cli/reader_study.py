"""Builds and scores the paper's reader studies.

    python -m ct2mr_tf.cli.reader_study build --kind=forced_choice --workdir=RUN --out=STUDY
    python -m ct2mr_tf.cli.reader_study score --study=STUDY --answers=ANSWERS --out=RESULT

`build` writes STUDY/pages (for each reader one HTML page with all pictures inside; hand out these
only), STUDY/key (what each trial shows; keep it) and STUDY/study.json. A page opens from disk in
any browser, asks no network, and saves answers_<reader>.csv, which the reader sends back. Kinds:

    forced_choice   CT and two MR: which one is real (the paper's Table 2)
    yes_no          one MR at a time, each case once real and once synthetic: which is it
    similarity      CT, synthetic and real MR: how similar, in percent, for nine items (Table 3)

With the --seed of another study (in its key/build.json) the same cases are drawn; let readers
choose before they see pairs with names on them. A page of 15 cases has 4 MB at 256x256. Building
takes some seconds, and then as long as the network takes for each case (README, Speed).

`score` writes RESULT: report.html, and every table as CSV. Studies of different kinds may be scored
together (--study=A,B): the metrics are then held against both outcomes.
Answers that are missing, also of a whole reader, are refused unless --allow_incomplete is given.
"""

from ct2mr_tf.cli import entry

# isort: split
import dataclasses
import pathlib

from absl import flags

from ct2mr_tf.cli.measured_run import MeasuredRun, open_run
from ct2mr_tf.files import in_the_way
from ct2mr_tf.problems import Problem, UserError, raise_if_any
from ct2mr_tf.reader_study import reader_plan, study_files, study_folder, study_key
from ct2mr_tf.reader_study.study_folder import Design
from ct2mr_tf.version import VERSION

FLAGS = flags.FLAGS


def define_build_flags() -> None:
    """Defines the flags of `build`."""
    flags.DEFINE_enum('kind', 'forced_choice', study_files.KINDS, 'Kind of study: see above.')
    flags.DEFINE_string('workdir', '', 'Run folder whose generator is studied.')
    flags.DEFINE_string('out', '', 'Folder of the study: new, or empty.')
    flags.DEFINE_integer('readers', 6, 'Readers; the paper had six, and two for similarity.', 1, 99)
    flags.DEFINE_integer('cases', 15, 'Cases; the paper had 15.', lower_bound=1)
    flags.DEFINE_enum('split', 'test', ['test', 'val'], 'Split the cases are drawn from.')
    flags.DEFINE_string(
        'data_dir', '', 'Another data set than that of the run, or its own where it was moved.'
    )
    flags.DEFINE_enum(
        'checkpoint',
        'best',
        ['best', 'newest'],
        'The best generator by validation MAE, or the newest.',
    )
    flags.DEFINE_string(
        'items', '', "Of similarity: file of the items to rate, one a line; else the paper's nine."
    )
    flags.DEFINE_string(
        'seed',
        '',
        'Draws as another study did: the 32 hexadecimal digits of its key/build.json. By default '
        'drawn anew.',
    )


def define_score_flags() -> None:
    """Defines the flags of `score`."""
    flags.DEFINE_list('study', [], 'Folder of the study; of several kinds, separated by commas.')
    flags.DEFINE_list('answers', [], 'Files of answers, or folders of them, separated by commas.')
    flags.DEFINE_string('out', '', 'Folder of the result: new, or empty.')
    flags.DEFINE_bool(
        'allow_incomplete', False, 'Scores although readers, or some of their answers, are missing.'
    )


def build(problems: list[Problem]) -> None:
    """Flags -> run and data set -> folder of the study."""
    problems += _missing('workdir', 'out') + _build_problems()
    items = _items(problems)
    raise_if_any(problems)
    run = open_run(pathlib.Path(FLAGS.workdir), FLAGS.data_dir, FLAGS.split)
    seed = FLAGS.seed or reader_plan.create_seed()
    drawn = _draw(run, seed)
    predictor, step = drawn.restore(FLAGS.checkpoint)
    origin = {
        'software_version': VERSION,
        'checkpoint': FLAGS.checkpoint,
        'step': step,
        'split': FLAGS.split,
        'data_set_sha256': run.data_sha256,
    }
    design = Design(FLAGS.kind, FLAGS.readers, seed, items)
    out = pathlib.Path(FLAGS.out)
    cases = list(drawn.predict(predictor))
    study = study_folder.write_study_folder(design, cases, origin, out)
    print(f'Study {study.study_id}: {study.trials} trials for each of {len(study.readers)} readers')
    print(f'Pages to hand out: {out / study_files.PAGES_FOLDER}')
    print(f'Key to keep: {out / study_key.KEY_FOLDER}')


def score(problems: list[Problem]) -> None:
    """Flags -> studies and answers -> tables and page."""
    raise_if_any(problems + _missing('study', 'answers', 'out'))
    # Here, so that `build` and wrong flags need not wait for statistics and figures to load.
    from ct2mr_tf.reader_study import reader_scoring

    studies, answers = (list(map(pathlib.Path, given)) for given in (FLAGS.study, FLAGS.answers))
    out = pathlib.Path(FLAGS.out)
    print(reader_scoring.score_studies(studies, answers, out, FLAGS.allow_incomplete))
    print(f'\nReport and tables: {out}')


def _missing(*names: str) -> list[Problem]:
    """The problems of flags without a value."""
    return [
        Problem(f'--{name}', 'nothing', 'a path', 'say --help to see what it names')
        for name in names
        if not FLAGS[name].value
    ]


def _build_problems() -> list[Problem]:
    """What is wrong with the values of the flags of `build`."""
    problems = []
    if FLAGS.out:
        problems += in_the_way(pathlib.Path(FLAGS.out))
    if FLAGS.seed and not reader_plan.is_seed(FLAGS.seed):
        expected = f'{reader_plan.SEED_DIGITS} hexadecimal digits'
        cure = 'copy it from the key/build.json of a study, or leave it out'
        problems.append(Problem('--seed', 'something else', expected, cure))
    if FLAGS.items and FLAGS.kind != 'similarity':
        cure = 'leave it out, or write --kind=similarity'
        problems.append(Problem('--items', FLAGS.items, f'no items with {FLAGS.kind}', cure))
    return problems


def _items(problems: list[Problem]) -> tuple[str, ...]:
    """What is rated in each trial; what is wrong with the list is added to the problems."""
    if FLAGS.kind != 'similarity':
        return ()
    if not FLAGS.items:
        return study_files.PAPER_ITEMS
    try:
        return study_folder.read_items(pathlib.Path(FLAGS.items))
    except UserError as error:
        problems += error.problems
        return ()


def _draw(run: MeasuredRun, seed: str) -> MeasuredRun:
    """The run with those pairs only that become cases.

    Raises:
        UserError: there are too few.
    """
    pairs = run.measured
    if FLAGS.cases > len(pairs):
        found = f'{len(pairs)} pairs in the {FLAGS.split} split'
        cure = f'write --cases={len(pairs)}, or choose another split'
        raise UserError([Problem('--cases', found, f'at least {FLAGS.cases}', cure)])
    table = run.table()
    patient_of = dict(zip(table.pair_id, table.patient_id, strict=True))
    # Without a table nobody can tell patients apart, and each pair counts as one.
    patients = [patient_of.get(pair_id, pair_id) for pair_id in pairs.pair_ids]
    places = sorted(reader_plan.draw_pairs(patients, FLAGS.cases, seed))
    return dataclasses.replace(run, measured=pairs.chosen(places))


SUBCOMMANDS = {
    'build': entry.Subcommand(define_build_flags, build),
    'score': entry.Subcommand(define_score_flags, score),
}
"""What the command does, by its first argument."""


if __name__ == '__main__':
    entry.run_subcommand(SUBCOMMANDS)
