// The screens of a session: start, trial, pause and end.

const part = (id) => document.getElementById(id);
/** What a trial is called: case, or picture. */
const UNIT = document.body.dataset.unit;
const SCREENS = ['start', 'trial', 'paused', 'end'];
const stored = storedState();
const state = stored ?? createState();
let screen = 'start';
let clockStarted = null;
/** Where the main button or a finger went down last. */
let pressed = null;

/** Adds the time since the clock was started to the trial that is open. */
function stopClock() {
  if (clockStarted === null) return;
  state.trials[state.at].seconds += (performance.now() - clockStarted) / 1000;
  clockStarted = null;
}

function startClock() {
  if (screen === 'trial' && !document.hidden) clockStarted = performance.now();
}

/**
 * Stores what was done. A page that nobody has begun stores nothing: a browser may show it anew
 * before it has taken in what the page before stored, which would be written over.
 */
function keep() {
  if (!state.started) return;
  stopClock();
  const notice = storeState(state);
  if (notice) say(notice);
  startClock();
}

/** Shows one of the notices above the page. */
function say(notice) {
  part(`notice-${notice}`).hidden = false;
}

function show(name) {
  stopClock();
  screen = name;
  SCREENS.forEach((other) => { part(other).hidden = other !== name; });
  part('pause').hidden = name !== 'trial';
  document.body.dataset.screen = name;
  showProgress();
  window.scrollTo(0, 0);
  keep();
}

function focusOn(id) {
  part(id).focus({ preventScroll: true });
}

function showProgress() {
  const answered = state.trials.filter(isAnswered).length;
  part('progress').textContent = state.started ? `${answered} of ${state.trials.length} answered` : '';
  document.querySelectorAll('#places button').forEach((button, index) => {
    const done = isAnswered(state.trials[index]);
    button.classList.toggle('answered', done);
    button.setAttribute('aria-label', `${UNIT} ${index + 1}, ${done ? 'answered' : 'open'}`);
    const here = screen === 'trial' && index === state.at;
    if (here) button.setAttribute('aria-current', 'step');
    else button.removeAttribute('aria-current');
  });
}

async function openTrial(index) {
  stopClock();
  document.activeElement.blur();
  state.at = index;
  const trial = state.trials[index];
  delete document.body.dataset.drawn;
  pictures.forEach((picture) => picture.clear());
  part('trial-title').textContent = `${UNIT} ${index + 1} of ${state.trials.length}`;
  part('comment').value = trial.comment;
  part('back').disabled = index === 0;
  part('next').textContent = index === state.trials.length - 1 ? 'To the end' : 'Next';
  showAnswers(trial);
  show('trial');
  changeView(NEUTRAL);
  await Promise.all(pictures.map((picture, place) => picture.show(study.trials[index][place])));
  if (state.at === index) document.body.dataset.drawn = index + 1;
}

function showAnswers(trial) {
  document.querySelectorAll('#trial button[data-answer]').forEach((button) => {
    button.setAttribute('aria-pressed', `${trial.answers[0] === button.dataset.answer}`);
  });
  study.items.forEach((item, row) => showRating(row, trial.answers[row]));
}

function choose(answer) {
  state.trials[state.at].answers[0] = answer;
  showAnswers(state.trials[state.at]);
  showProgress();
  keep();
}

function showRating(row, answer) {
  const slider = part(`slider-${row}`);
  slider.value = answer === '' ? 50 : answer;
  slider.setAttribute('aria-valuetext', answer === '' ? 'not rated' : `${answer} percent`);
  slider.classList.toggle('unset', answer === '');
  // What is being typed is left as it is.
  if (document.activeElement !== part(`number-${row}`)) part(`number-${row}`).value = answer;
  showFault(row);
}

function showFault(row) {
  const faulty = !part(`number-${row}`).validity.valid;
  part(`number-${row}`).setAttribute('aria-invalid', `${faulty}`);
  part(`fault-${row}`).hidden = !faulty;
}

/** Takes a rating; a slider that was not moved has none. */
function rate(row, answer) {
  state.trials[state.at].answers[row] = answer;
  showRating(row, answer);
  showProgress();
  keep();
}

/** Takes a rating as it is typed; what is no whole number of percent is none. */
function typeRating(row) {
  const { value, validity } = part(`number-${row}`);
  rate(row, value !== '' && validity.valid ? `${Number(value)}` : '');
}

function step(by) {
  const next = state.at + by;
  if (next >= state.trials.length) openEnd();
  else if (next >= 0) openTrial(next).then(() => focusOn('trial-title'));
}

function openEnd() {
  const open = state.trials.flatMap((trial, index) => (isAnswered(trial) ? [] : [index]));
  part('complete').hidden = open.length > 0;
  part('incomplete').hidden = open.length === 0;
  part('missing').replaceChildren(...open.map((index) => {
    const { answers } = state.trials[index];
    const items = study.items.filter((_, row) => answers[row] === '');
    const button = document.createElement('button');
    const partly = items.length > 0 && items.length < study.items.length;
    button.textContent = `${UNIT} ${index + 1}${partly ? `: ${items.join(', ')}` : ''}`;
    button.addEventListener('click', () => openTrial(index).then(() => focusOn('trial-title')));
    const line = document.createElement('li');
    line.append(button);
    return line;
  }));
  part('save').textContent = open.length ? 'Save the answers all the same' : 'Save the answers';
  part('save').classList.toggle('main', open.length === 0);
  part('saved').textContent = '';
  show('end');
  focusOn('end-title');
}

/** Keys on the trial screen; fields keep theirs, and sliders those that move them. */
function onKey(event) {
  if (screen !== 'trial' || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input:not([type=range])')) return;
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.target.closest('input') && event.key in moves) return;
  const [right, down] = moves[event.key] ?? [0, 0];
  if (/^[1-9]$/.test(event.key) && event.key <= study.choices.length) {
    choose(study.choices[event.key - 1]);
  } else if (event.shiftKey && event.key in moves) {
    changeView({ x: view.x + right * 0.05 / view.zoom, y: view.y + down * 0.05 / view.zoom });
  } else if (right) step(right);
  else if (event.key === '+') changeView({ zoom: view.zoom * 1.25 });
  else if (event.key === '-') changeView({ zoom: view.zoom / 1.25 });
  else if (event.key === '0') changeView(NEUTRAL);
  else return;
  event.preventDefault();
}

/** What the view's sliders show, in words. */
function showView() {
  const said = {
    brightness: `${Math.round(view.brightness)}`,
    contrast: `${Math.round(100 * 2 ** view.contrast)} %`,
    zoom: `${Math.round(100 * view.zoom)} %`,
  };
  for (const [name, text] of Object.entries(said)) {
    part(name).value = view[name];
    part(name).setAttribute('aria-valuetext', text);
    part(`${name}-value`).textContent = text;
  }
}

function listen() {
  part('about').addEventListener('submit', (event) => {
    event.preventDefault();
    const about = new FormData(event.target);
    Object.assign(state, { role: about.get('role'), years: `${Number(about.get('years'))}` });
    state.started = true;
    openTrial(state.at).then(() => focusOn('trial-title'));
  });
  document.querySelectorAll('#trial button[data-answer]').forEach((button) => {
    button.addEventListener('click', () => choose(button.dataset.answer));
  });
  study.items.forEach((item, row) => {
    const slider = part(`slider-${row}`);
    slider.addEventListener('input', () => rate(row, slider.value));
    // A click on the middle of a slider moves nothing, and still is an answer.
    slider.addEventListener('pointerup', () => { if (pressed === slider) rate(row, slider.value); });
    slider.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') rate(row, slider.value);
    });
    part(`number-${row}`).addEventListener('input', () => typeRating(row));
  });
  part('comment').addEventListener('input', (event) => {
    state.trials[state.at].comment = tidyComment(event.target.value);
    keep();
  });
  for (const name of ['brightness', 'contrast', 'zoom']) {
    part(name).addEventListener('input', () => changeView({ [name]: Number(part(name).value) }));
  }
  document.addEventListener('view', showView);
  part('reset').addEventListener('click', () => changeView(NEUTRAL));
  part('back').addEventListener('click', () => step(-1));
  part('next').addEventListener('click', () => step(1));
  part('pause').addEventListener('click', () => { show('paused'); focusOn('paused-title'); });
  for (const name of ['continue', 'return']) {
    part(name).addEventListener('click', () => {
      openTrial(state.at).then(() => focusOn('trial-title'));
    });
  }
  part('reread').addEventListener('click', () => { show('start'); focusOn('start-title'); });
  part('save').addEventListener('click', () => {
    saveAnswers(state);
    part('saved').textContent = `Saved as answers_${study.reader}.csv, where this browser puts what it downloads.`;
  });
  document.addEventListener('pointerdown', ({ button, target }) => {
    pressed = button === 0 ? target : null;
  });
  document.addEventListener('keydown', onKey);
  document.addEventListener('visibilitychange', keep);
  window.addEventListener('pagehide', keep);
  window.addEventListener('beforeunload', (event) => {
    if (state.started && !canStore()) event.preventDefault();
  });
  // So that a browser that dies takes no more than some seconds of the clock with it.
  setInterval(keep, 5000);
}

function createPlaces() {
  part('places').append(...state.trials.map((_, index) => {
    const button = document.createElement('button');
    button.textContent = index + 1;
    button.addEventListener('click', () => openTrial(index).then(() => focusOn('trial-title')));
    const line = document.createElement('li');
    line.append(button);
    return line;
  }));
}

createPlaces();
listen();
if (!canStore()) say('storage');
if (state.started) {
  part(`role-${state.role}`).checked = true;
  part('years').value = state.years;
  part('begin').textContent = 'Continue';
}
show(state.started ? 'paused' : 'start');
