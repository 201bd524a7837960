'use strict';
// The state of a session: what was answered, where it is kept, and the file that it becomes.

const study = JSON.parse(document.getElementById('content').textContent);

/** Where the state lies in the browser's storage: one entry a study and reader. */
const STORE_KEY = `ct2mr_tf reader_study ${study.study_id} ${study.reader}`;

function createState() {
  const rows = Math.max(study.items.length, 1);
  const trial = () => ({ answers: Array(rows).fill(''), seconds: 0, comment: '' });
  return { role: '', years: '', started: false, at: 0, trials: study.trials.map(trial) };
}

/** Whether this browser keeps what is stored: it may forbid pages on disk to, or have no room. */
function canStore() {
  try {
    localStorage.setItem(`${STORE_KEY} test`, '1');
    localStorage.removeItem(`${STORE_KEY} test`);
    return true;
  } catch {
    return false;
  }
}

/** What this window read or wrote last. */
let ownText = null;

/** What was stored before, or null. */
function storedState() {
  try {
    ownText = localStorage.getItem(STORE_KEY);
    const state = JSON.parse(ownText);
    return state && state.trials.length === study.trials.length ? state : null;
  } catch {
    return null;
  }
}

/**
 * Stores the state, and gives the notice that is due where that was not done: 'storage', or 'twice'
 * where another window has stored since. It is asked for, not waited for: browsers differ in what
 * they tell windows on disk of each other.
 */
function storeState(state) {
  try {
    const found = localStorage.getItem(STORE_KEY);
    if (found !== null && found !== ownText) return 'twice';
    const text = JSON.stringify(state);
    localStorage.setItem(STORE_KEY, text);
    ownText = text;
    return null;
  } catch {
    return 'storage';
  }
}

/** Whether every question of a trial has its answer. */
function isAnswered(trial) {
  return trial.answers.every((answer) => answer !== '');
}

/** CRC-32 of bytes (ISO/IEC 13239, as in PNG), continued from that of what came before. */
function crc32(bytes, before) {
  let crc = ~before;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function csvLine(fields) {
  const quoted = (field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  return `${fields.map(quoted).join(',')}\n`;
}

/** The file of answers: rows with a chained checksum, which tells a row edited by accident. */
function answersText(state) {
  const encoder = new TextEncoder();
  const lines = [csvLine(study.columns)];
  let checksum = 0;
  state.trials.forEach((trial, index) => {
    trial.answers.forEach((answer, row) => {
      const about = [study.format, study.study_id, study.reader, state.role, state.years];
      const own = [`${index + 1}`, study.items[row] ?? '', answer, trial.seconds.toFixed(1)];
      const fields = [...about, ...own, trial.comment];
      checksum = crc32(encoder.encode(fields.join(study.field_mark)), checksum);
      lines.push(csvLine([...fields, `x${checksum.toString(16).padStart(8, '0')}`]));
    });
  });
  return lines.join('');
}

/** A remark on one line and without control characters, as files of answers hold it. */
function tidyComment(text) {
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
}

/** Hands the answers to the browser as a file to save. */
function saveAnswers(state) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([answersText(state)], { type: 'text/csv' }));
  link.download = `answers_${study.reader}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
