"""The README's pictures of the report, of the readers' pages and of a scored study.

    python tests/measurements/page_pictures.py runs/quickstart/run datasets/phantom

Makes report, studies and answers from the run of `make quickstart`, opens the pages in a headless
Chromium, and writes report.png, forced_choice.png, similarity.png and score.png into the second
folder. The readers of the scored study are drawn at random: they took a synthetic MR for real in
one case of four, and rated 75 % give or take 10. Takes a minute.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from selenium.webdriver.support.wait import WebDriverWait

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'reader_study'))

from browser import open_browser
from simulated_readers import SimulatedStudy

from ct2mr_tf.reader_study import study_files, study_key

WINDOW = (1280, 800)
SEED = '20201231' * 4
READERS = {'forced_choice': 6, 'similarity': 2}
TRUTH = pathlib.Path('hospital', 'truth')
"""Of the phantoms, in the folder above the run: with it, the report says what they are."""

RATINGS = (82, 68, 91, 88, 77, 70, 64, 85)
"""What the picture of a page of similarity shows; the ninth item is left open."""


def run_command(module, *arguments):
    subprocess.run([sys.executable, '-m', f'ct2mr_tf.cli.{module}', *arguments], check=True)


def answered(folder):
    """Writes the answers of random readers to a study; gives their folder."""
    study = study_files.read_study(folder)
    cases = study_key.read_cases(folder, study)
    simulated = SimulatedStudy(folder, study, study_key.read_key(folder, study), cases)
    rng = np.random.default_rng(0)
    sheets = []
    for number in range(READERS[study.kind]):
        if study.kind == 'similarity':
            shape = study.cases, len(study.items)
            scores = np.clip(rng.normal(75, 10, shape), 0, 100)
            sheets.append(simulated.rater(number, scores))
        else:
            sheets.append(simulated.chooser(number, rng.random(study.cases) < 0.25))
    return simulated.write_answers(sheets)


def photograph(driver, page, path, prepare=None):
    """Opens a page, prepares what is to be seen, and writes the picture of the window."""
    driver.get(page.as_uri())
    if prepare:
        prepare(driver)
    driver.save_screenshot(str(path))
    print(path)


def begin(driver):
    """From a reader's first page to the first case, with its pictures drawn."""
    driver.find_element('id', 'role-radiologist').click()
    driver.find_element('id', 'years').send_keys('12')
    driver.find_element('id', 'begin').click()
    script = "return 'drawn' in document.body.dataset"
    WebDriverWait(driver, 10).until(lambda driver: driver.execute_script(script))


def choose(driver):
    begin(driver)
    driver.find_element('css selector', '[data-answer="2"]').click()


def rate(driver):
    begin(driver)
    for row, percent in enumerate(RATINGS):
        driver.find_element('id', f'number-{row}').send_keys(f'{percent}')
    driver.execute_script('document.activeElement.blur()')


def main():
    run, out = map(pathlib.Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        flags = (f'--out={folder}', f'--report={folder}/report', f'--truth={run.parent / TRUTH}')
        run_command('evaluate', f'--workdir={run}', *flags)
        for kind, readers in READERS.items():
            flags = (f'--kind={kind}', f'--readers={readers}', f'--seed={SEED}')
            run_command(
                'reader_study', 'build', f'--workdir={run}', f'--out={folder}/{kind}', *flags
            )
        studies = [folder / kind for kind in READERS]
        answers = ','.join(f'{answered(study)}' for study in studies)
        flags = (f'--study={",".join(map(str, studies))}', f'--answers={answers}')
        run_command('reader_study', 'score', *flags, f'--out={folder}/score')
        with open_browser(WINDOW) as driver:
            photograph(driver, folder / 'report' / 'report.html', out / 'report.png')
            page = pathlib.Path('pages', 'reader_01.html')
            photograph(driver, studies[0] / page, out / 'forced_choice.png', choose)
            photograph(driver, studies[1] / page, out / 'similarity.png', rate)
            photograph(driver, folder / 'score' / 'report.html', out / 'score.png')


if __name__ == '__main__':
    main()
