"""Readers' pages in a real browser: whole sessions by keyboard and mouse, and what is saved."""

import csv
import io
import itertools
import time

import numpy as np
import pytest
from browser import axe_violations, console_errors, needs_browser, open_browser, requests_made
from reader_cases import make_cases
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.mouse_button import MouseButton
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

from ct2mr_tf.reader_study import reader_pages, study_files, study_folder, study_key
from ct2mr_tf.reader_study.answer_files import read_answers
from ct2mr_tf.reader_study.study_files import Answer, AnswerSheet
from ct2mr_tf.reader_study.study_folder import Design

pytestmark = needs_browser

DESKTOP, TABLET = (1280, 800), (820, 1180)

CASES = 4

ITEMS = ('Disc signal', 'Fat, "all of it"', 'Overall')


SEEDS = itertools.count()
"""One seed a study: none finds in a browser what was stored for another."""


@pytest.fixture
def build(tmp_path):
    """The function that writes a study with two readers, and gives its folder."""

    def build_study(kind, cases=CASES, items=ITEMS):
        design = Design(kind, 2, f'{next(SEEDS):032x}', items if kind == 'similarity' else ())
        folder = tmp_path / f'{kind}_{design.seed}'
        study_folder.write_study_folder(design, make_cases(cases, 20), {}, folder)
        return folder

    return build_study


@pytest.fixture(scope='module')
def desktop(tmp_path_factory):
    downloads = tmp_path_factory.mktemp('downloads')
    with open_browser(DESKTOP, downloads) as driver:
        yield Session(driver, downloads)


@pytest.fixture(scope='module')
def tablet(tmp_path_factory):
    downloads = tmp_path_factory.mktemp('tablet_downloads')
    with open_browser(TABLET, downloads) as driver:
        driver.execute_cdp_cmd('Emulation.setTouchEmulationEnabled', {'enabled': True})
        yield Session(driver, downloads)


class Session:
    """What a reader does, and sees."""

    def __init__(self, driver, downloads):
        self.driver, self.downloads = driver, downloads

    def open(self, folder, reader='reader_01'):
        self.study = study_files.read_study(folder)
        self.page = folder / 'pages' / f'{reader}.html'
        self.driver.get('about:blank')
        console_errors(self.driver), requests_made(self.driver)
        self.driver.get(self.page.as_uri())
        return self

    def part(self, name):
        return self.driver.find_element('id', name)

    def run(self, script):
        return self.driver.execute_script(script)

    def seen(self, selector):
        return self.driver.find_element('css selector', selector).text

    @property
    def screen(self):
        return self.run('return document.body.dataset.screen')

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, name):
        for _ in range(60):
            if self.run('return document.activeElement.id') == name:
                return
            self.press(Keys.TAB)
        raise AssertionError(f'Tab does not lead to {name}')

    def wait_for(self, number):
        """Waits until the pictures of a trial are drawn."""
        script = f"return document.body.dataset.drawn === '{number}'"
        WebDriverWait(self.driver, 10, 0.02).until(lambda driver: driver.execute_script(script))

    def begin(self, role='radiologist', years='12'):
        self.part(f'role-{role}').click()
        self.part('years').send_keys(years)
        self.part('begin').click()
        self.wait_for(1)
        return self

    def reload(self):
        """Loads a page that was begun anew, and again where the browser was too quick for it.

        A browser may show a page on disk before it has taken in what the page before stored.
        """
        self.driver.refresh()
        if self.screen == 'start':
            self.driver.refresh()
        assert self.screen == 'paused'

    def saved(self):
        """The text of the file that was saved last, which is taken away."""
        path = self.downloads / f'answers_{self.page.stem}.csv'
        WebDriverWait(self.driver, 10, 0.02).until(lambda _: path.exists() and path.stat().st_size)
        text = path.read_bytes().decode('utf-8')
        path.unlink()
        return text

    def assert_quiet(self):
        """Nothing on the console, and nothing asked for but the page itself."""
        assert console_errors(self.driver) == []
        assert set(requests_made(self.driver)) == {self.page.as_uri()}

    def assert_answers(self, text, role, years, answers):
        """The file holds these (answer, comment) rows, byte for byte as Python would write it."""
        rows = list(csv.DictReader(io.StringIO(text)))
        seconds = [float(row['seconds']) for row in rows]
        assert all(0 <= value < 60 for value in seconds)
        wanted = AnswerSheet(
            self.study.study_id,
            self.page.stem,
            role,
            years,
            tuple(
                Answer(trial, item, answer, spent, comment)
                for (trial, item), (answer, comment), spent in zip(
                    self.study.rows, answers, seconds, strict=True
                )
            ),
        )
        assert text == study_files.answers_text(wanted)
        return seconds


def test_forced_choice_by_keyboard_with_a_reload_in_the_middle(desktop, build):
    session = desktop.open(build('forced_choice'))
    assert session.screen == 'start'
    session.tab_to('role-radiologist')
    session.press(Keys.ARROW_RIGHT, Keys.TAB)  # to the spine surgeon, and on to the years
    session.press('7', Keys.ENTER)
    session.wait_for(1)
    session.press('1', Keys.ARROW_RIGHT)
    session.wait_for(2)
    assert session.seen('#trial-title') == 'Case 2 of 4'
    session.press('2', '1', '2', Keys.ARROW_RIGHT)
    session.wait_for(3)
    assert session.seen('#progress') == '2 of 4 answered'
    session.reload()
    session.tab_to('continue')
    session.press(Keys.ENTER)
    session.wait_for(3)
    session.press('1', Keys.ARROW_LEFT)
    session.wait_for(2)
    pressed = session.driver.find_elements('css selector', '[aria-pressed="true"]')
    assert [button.text.split('\n')[-1] for button in pressed] == ['2 MR 2 is real']
    session.press('1', Keys.ARROW_RIGHT)
    session.wait_for(3)
    session.press(Keys.ARROW_RIGHT)
    session.wait_for(4)
    session.press('2')
    session.tab_to('comment')
    session.press('Größe, "unklar" 12')  # digits in a field are no answers
    session.tab_to('next')
    session.press(Keys.ENTER)
    assert session.screen == 'end'
    assert session.part('complete').is_displayed()
    assert not session.part('incomplete').is_displayed()
    session.tab_to('save')
    session.press(Keys.ENTER)
    text = session.saved()
    answers = [('1', ''), ('1', ''), ('1', ''), ('2', 'Größe, "unklar" 12')]
    session.assert_answers(text, 'spine_surgeon', 7, answers)
    assert 'answers_reader_01.csv' in session.seen('#saved')
    session.assert_quiet()


def test_forced_choice_by_mouse_and_what_is_missing(desktop, build):
    session = desktop.open(build('forced_choice')).begin('resident', '3')
    choose = session.driver.find_elements('css selector', 'button[data-answer]')
    assert [button.get_attribute('data-answer') for button in choose] == ['1', '2']
    choose[1].click()
    session.part('next').click()
    session.wait_for(2)
    places = session.driver.find_elements('css selector', '#places button')
    places[3].click()
    session.wait_for(4)
    choose[0].click()
    session.part('next').click()
    assert session.screen == 'end'
    missing = session.driver.find_elements('css selector', '#missing button')
    assert [button.text for button in missing] == ['Case 2', 'Case 3']
    session.part('save').click()
    answers = [('2', ''), ('', ''), ('', ''), ('1', '')]
    session.assert_answers(session.saved(), 'resident', 3, answers)
    missing[1].click()
    session.wait_for(3)
    choose[0].click()
    session.part('back').click()
    session.wait_for(2)
    choose[0].click()
    places[3].click()
    session.wait_for(4)
    session.part('next').click()
    assert session.part('complete').is_displayed()
    session.part('save').click()
    text = session.saved()
    session.assert_answers(text, 'resident', 3, [('2', ''), ('1', ''), ('1', ''), ('1', '')])
    session.assert_quiet()


def test_two_readers_in_one_browser_and_what_they_saved_is_read(desktop, build, tmp_path):
    folder, answers = build('forced_choice'), tmp_path / 'answers'
    answers.mkdir()
    for reader, role, key in (('reader_01', 'resident', '1'), ('reader_02', 'other', '2')):
        session = desktop.open(folder, reader)
        assert session.screen == 'start'
        session.begin(role)
        for number in range(1, CASES + 1):
            session.wait_for(number)
            session.press(key, Keys.ARROW_RIGHT)
        session.part('save').click()
        (answers / f'answers_{reader}.csv').write_bytes(session.saved().encode('utf-8'))
    sheets = read_answers([answers], [session.study])[session.study.study_id]
    assert [(sheet.reader, sheet.role) for sheet in sheets] == [
        ('reader_01', 'resident'),
        ('reader_02', 'other'),
    ]
    assert [{row.answer for row in sheet.answers} for sheet in sheets] == [{'1'}, {'2'}]


def test_yes_no_on_a_tablet(tablet, build):
    session = tablet.open(build('yes_no')).begin('other', '0')
    answers = ['real', 'synthetic'] * CASES
    for number, answer in enumerate(answers, start=1):
        session.wait_for(number)
        session.driver.find_element('css selector', f'[data-answer={answer}]').click()
        session.part('next').click()
    assert session.screen == 'end'
    session.part('save').click()
    session.assert_answers(session.saved(), 'other', 0, [(answer, '') for answer in answers])
    session.assert_quiet()


def slide(session, row, share):
    """Clicks at a share of the way along a slider."""
    slider = session.part(f'slider-{row}')
    by = round((share - 0.5) * (slider.size['width'] - 18))
    ActionChains(session.driver).move_to_element_with_offset(slider, by, 0).click().perform()


def test_similarity_by_mouse_and_typing(tablet, build):
    session = tablet.open(build('similarity')).begin()
    shown = session.driver.find_elements('css selector', '.item label')
    assert tuple(label.text for label in shown) == ITEMS
    numbers = [session.part(f'number-{row}') for row in range(3)]
    assert [number.get_property('value') for number in numbers] == ['', '', '']
    slide(session, 0, 1.0)
    slide(session, 1, 0.5)  # where it stands already: an answer nonetheless
    numbers[2].send_keys('73')
    assert [number.get_property('value') for number in numbers] == ['100', '50', '73']
    assert session.part('slider-2').get_property('value') == '73'
    session.part('comment').send_keys('=dark')
    session.part('next').click()
    session.wait_for(2)
    assert session.part('comment').get_property('value') == ''
    numbers[0].send_keys('101')
    assert numbers[0].get_attribute('aria-invalid') == 'true'
    assert session.part('fault-0').text == 'whole numbers, 0 to 100'
    assert not session.part('fault-1').is_displayed()
    assert session.run('return state.trials[1].answers[0]') == ''
    numbers[0].clear()
    numbers[0].send_keys('1.5')
    assert numbers[0].get_property('value') == '1.5'
    assert numbers[0].get_attribute('aria-invalid') == 'true'
    assert session.run('return state.trials[1].answers[0]') == ''
    numbers[1].send_keys('5')
    numbers[1].send_keys(Keys.BACKSPACE)  # taken back: not rated
    numbers[2].send_keys('0')
    for number in (3, 4):
        session.part('next').click()
        session.wait_for(number)
        for row in range(3):
            numbers[row].send_keys(f'{10 * number + row}')
    session.part('next').click()
    missing = session.driver.find_elements('css selector', '#missing button')
    assert [button.text for button in missing] == [f'Case 2: {ITEMS[0]}, {ITEMS[1]}']
    missing[0].click()
    session.wait_for(2)
    assert [number.get_property('value') for number in numbers] == ['', '', '0']
    slide(session, 0, 0.0)
    session.part('slider-1').send_keys(Keys.ARROW_LEFT)
    session.driver.find_elements('css selector', '#places button')[3].click()
    session.wait_for(4)
    session.part('next').click()
    assert session.part('complete').is_displayed()
    session.part('save').click()
    answers = [(text, '=dark') for text in ('100', '50', '73')]
    answers += [(text, '') for text in ('0', '49', '0', '30', '31', '32', '40', '41', '42')]
    session.assert_answers(session.saved(), 'radiologist', 12, answers)
    session.assert_quiet()


def test_the_start_asks_for_role_and_years(desktop, build):
    session = desktop.open(build('similarity'), 'reader_02')
    session.part('begin').click()
    assert session.screen == 'start'
    session.part('role-other').click()
    for years in ('-1', '71', '1.5'):
        session.part('years').clear()
        session.part('years').send_keys(years)
        session.part('begin').click()
        assert session.screen == 'start'
    session.assert_quiet()


def test_the_clock_stands_still_in_a_pause(desktop, build):
    session = desktop.open(build('yes_no')).begin()
    script = 'stopClock(); const spent = state.trials[0].seconds; startClock(); return spent'
    time.sleep(0.3)
    session.part('pause').click()
    spent = session.run(script)
    assert 0.3 <= spent < 5
    assert not session.part('trial').is_displayed()
    time.sleep(0.3)
    assert session.run(script) == spent
    session.part('continue').click()
    session.wait_for(1)
    time.sleep(0.2)
    assert session.run(script) >= spent + 0.2


WITHOUT_STORAGE = """Object.defineProperty(window, 'localStorage', {
  get() { throw new DOMException('denied', 'SecurityError'); } });"""


def test_a_browser_that_keeps_nothing_says_so_and_still_saves(build, tmp_path):
    with open_browser(DESKTOP, tmp_path) as driver:
        command = 'Page.addScriptToEvaluateOnNewDocument'
        driver.execute_cdp_cmd(command, {'source': WITHOUT_STORAGE})
        session = Session(driver, tmp_path).open(build('forced_choice'))
        assert 'does not keep answers' in session.part('notice-storage').text
        session.begin()
        for number in range(1, CASES + 1):
            session.wait_for(number)
            session.press('1')
            session.part('next').click()
        session.part('save').click()
        session.assert_answers(session.saved(), 'radiologist', 12, [('1', '')] * CASES)
        session.assert_quiet()


def test_of_two_windows_the_answers_given_last_are_kept(desktop, build):
    """The window that was left writes nothing over them, though its clock goes on."""
    session = desktop.open(build('forced_choice'), 'reader_02').begin()
    first = session.driver.current_window_handle
    session.driver.switch_to.new_window('tab')
    session.driver.get(session.page.as_uri())
    session.part('continue').click()
    session.wait_for(1)
    session.press('1')
    assert not session.part('notice-twice').is_displayed()
    session.driver.close()
    session.driver.switch_to.window(first)
    session.run("document.dispatchEvent(new Event('visibilitychange'))")
    assert session.part('notice-twice').is_displayed()
    session.press('2')
    session.driver.refresh()
    assert not session.part('notice-twice').is_displayed()
    assert session.run('return state.trials[0].answers[0]') == '1'


def test_a_page_that_nobody_has_begun_stores_nothing(desktop, build):
    """What was stored before may come to light only after the page is shown."""
    session = desktop.open(build('forced_choice')).begin()
    session.press('1')
    stored = session.run('return localStorage.getItem(STORE_KEY)')
    # Without an entry, as if the page had been shown too early; and then with the late one.
    session.run('state.started = false; localStorage.removeItem(STORE_KEY)')
    session.driver.refresh()
    assert session.screen == 'start'
    session.run("window.dispatchEvent(new Event('pagehide'))")
    assert session.run('return localStorage.getItem(STORE_KEY)') is None
    session.driver.execute_script('localStorage.setItem(STORE_KEY, arguments[0])', stored)
    session.begin()
    assert session.part('notice-twice').is_displayed()
    session.reload()
    assert session.run('return state.trials[0].answers[0]') == '1'


def test_only_a_press_on_a_slider_rates(desktop, build):
    session = desktop.open(build('similarity')).begin()
    rated = 'return state.trials[0].answers'
    ActionChains(session.driver).context_click(session.part('slider-0')).perform()
    elsewhere = ActionChains(session.driver).move_to_element(session.part('trial-title'))
    elsewhere.click_and_hold().move_to_element(session.part('slider-1')).release().perform()
    assert session.run(rated) == ['', '', '']
    session.part('slider-2').click()
    assert session.run(rated) == ['', '', '50']


PIXELS = """return [...document.querySelectorAll('.pictures canvas')].map((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [...data].filter((_, place) => place % 4 === 0); });"""


def shown_greys(session):
    """The grey levels on the canvases, brought to the pictures' own size."""
    return [np.array(greys).reshape(20, 20) for greys in session.run(PIXELS)]


@pytest.fixture
def open_trial(desktop, build):
    """A page at its first trial, its canvases of 20 x 20 pixels; and the trial's pictures."""
    folder = build('forced_choice')
    session = desktop.open(folder).begin()
    session.run("pictures.forEach((p) => { p.canvas.style.width = '20px'; p.draw(); })")
    number, truth = study_key.read_key(folder, session.study)['reader_01'][0]
    case = make_cases(CASES, 20)[number - 1]
    return session, reader_pages.shown_pictures('forced_choice', case, truth)


def test_who_turns_pages_fast_sees_the_pictures_of_the_case(open_trial):
    """Pictures that took longer to decode, of a case left meanwhile, are not drawn."""
    session, pictures = open_trial
    session.run("""
        const decode = Image.prototype.decode;
        let waits = 0;
        Image.prototype.decode = async function () {
          waits += 1;  // three pictures a case: those of the case opened first take longest
          await new Promise((done) => setTimeout(done, waits <= 3 ? 300 : 0));
          return decode.call(this);
        };
        openTrial(1);
        openTrial(0);""")
    session.wait_for(1)
    time.sleep(0.5)
    for shown, picture in zip(shown_greys(session), pictures, strict=True):
        np.testing.assert_array_equal(shown, picture)


def set_slider(session, name, value):
    script = "const s = arguments[0]; s.value = arguments[1]; s.dispatchEvent(new Event('input'))"
    session.driver.execute_script(script, session.part(name), value)


def test_what_is_shown_are_the_pixels(open_trial):
    session, pictures = open_trial
    for shown, picture in zip(shown_greys(session), pictures, strict=True):
        np.testing.assert_array_equal(shown, picture)


def test_brightness_and_contrast_are_the_same_for_all_pictures(open_trial):
    session, pictures = open_trial
    set_slider(session, 'brightness', 30)
    set_slider(session, 'contrast', 1)  # twice the contrast
    for shown, picture in zip(shown_greys(session), pictures, strict=True):
        wanted = np.clip((picture - 127.5) * 2 + 127.5 + 30, 0, 255)
        np.testing.assert_allclose(shown, wanted, atol=0.51)
    assert session.seen('#contrast-value') == '200 %'
    session.part('reset').click()
    for shown, picture in zip(shown_greys(session), pictures, strict=True):
        np.testing.assert_array_equal(shown, picture)


def test_zoom_and_place_are_the_same_for_all_pictures(open_trial):
    session, pictures = open_trial
    set_slider(session, 'zoom', 4)
    session.run('changeView({x: 0, y: 1})')  # into the lower left corner
    for shown, picture in zip(shown_greys(session), pictures, strict=True):
        # Four pixels for one, smoothed between their middles.
        assert abs(shown.mean() - picture[15:, :5].mean()) < 4
    session.press('0')
    assert session.seen('#zoom-value') == '100 %'
    session.press('+')
    assert session.seen('#zoom-value') == '125 %'
    session.press('-')
    assert session.seen('#zoom-value') == '100 %'


def test_a_slider_that_was_moved_leaves_the_keys_their_meaning(open_trial):
    session, _ = open_trial
    session.tab_to('contrast')
    session.press(Keys.ARROW_RIGHT)
    assert session.seen('#trial-title') == 'Case 1 of 4'
    assert session.seen('#contrast-value') != '100 %'
    session.press('2')
    pressed = session.driver.find_elements('css selector', '[aria-pressed="true"]')
    assert [button.text.split('\n')[-1] for button in pressed] == ['2 MR 2 is real']
    session.press('0')
    assert session.seen('#contrast-value') == '100 %'


def test_wheel_drag_and_right_button(desktop, build):
    session = desktop.open(build('forced_choice')).begin()
    canvas = session.driver.find_elements('css selector', 'canvas')[1]
    mouse = ActionChains(session.driver, duration=20)
    origin = ScrollOrigin.from_element(canvas, 100, 50)
    mouse.scroll_from_origin(origin, 0, -400).perform()
    view = session.run('return view')
    # Twice as large, and the point under the mouse has stayed: it is seen from nearer.
    box = canvas.size
    assert view['zoom'] == 2
    assert view['x'] == pytest.approx(0.5 + 100 / box['width'] / 2, abs=0.01)
    assert view['y'] == pytest.approx(0.5 + 50 / box['height'] / 2, abs=0.01)
    mouse.drag_and_drop_by_offset(canvas, 40, 0).perform()
    assert session.run('return view.x') == pytest.approx(
        view['x'] - 40 / box['width'] / 2, abs=0.01
    )
    turned = ActionChains(session.driver, duration=20)
    turned.move_to_element(canvas).w3c_actions.pointer_action.pointer_down(MouseButton.RIGHT)
    turned.w3c_actions.pointer_action.move_by(50, -20)
    turned.w3c_actions.pointer_action.pointer_up(MouseButton.RIGHT)
    turned.perform()
    assert session.run('return view.contrast') == pytest.approx(0.5, abs=0.02)
    assert session.run('return view.brightness') == pytest.approx(10, abs=1)
    session.assert_quiet()


def touch(session, kind, *points):
    """One touch event with fingers at these places in the window."""
    fingers = [{'x': x, 'y': y, 'id': number} for number, (x, y) in enumerate(points)]
    command = {'type': kind, 'touchPoints': fingers}
    session.driver.execute_cdp_cmd('Input.dispatchTouchEvent', command)


def test_two_fingers_zoom_and_one_moves(tablet, build):
    session = tablet.open(build('forced_choice')).begin()
    box = session.driver.find_elements('css selector', 'canvas')[2].rect
    x, y = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
    touch(session, 'touchStart', (x - 40, y), (x + 40, y))
    for spread in (60, 80, 100, 120):
        touch(session, 'touchMove', (x - spread, y), (x + spread, y))
    touch(session, 'touchEnd')
    assert session.run('return view.zoom') == pytest.approx(3, rel=0.05)
    touch(session, 'touchStart', (x, y))
    for way in (20, 40, 60):
        touch(session, 'touchMove', (x + way, y))
    touch(session, 'touchEnd')
    moved = 60 / box['width'] / session.run('return view.zoom')
    assert session.run('return view.x') == pytest.approx(0.5 - moved, abs=0.05)
    session.assert_quiet()


@pytest.mark.parametrize('kind', study_files.KINDS)
@pytest.mark.parametrize('window', ['desktop', 'tablet'])
def test_every_screen_is_accessible_and_fits(request, build, kind, window):
    """As large as the paper's; a trial is seen whole, without scrolling."""
    session = request.getfixturevalue(window)
    session.open(build(kind, 15, study_files.PAPER_ITEMS))
    assert axe_violations(session.driver) == []
    session.begin()
    assert axe_violations(session.driver) == []
    size = session.run(
        'const { scrollWidth, scrollHeight } = document.documentElement;'
        'return [scrollWidth, scrollHeight];'
    )
    width, height = {'desktop': DESKTOP, 'tablet': TABLET}[window]
    assert size[0] == width and size[1] <= height
    session.run('openEnd()')
    assert axe_violations(session.driver) == []
    session.part('return').click()
    session.part('pause').click()
    assert axe_violations(session.driver) == []
    session.assert_quiet()
