// Data to train on: a set of the server, a folder given at start, or a new set of dropped pictures.

import * as api from './api.js';
import { dropZone } from './pictures.js';
import { button, count, field, h, option, problemNote, showProblem } from './dom.js';

const NEW = 'new';

/** @param {() => void} changed called when other data are chosen */
export function dataSetChoice(changed) {
  const select = h('select', { on: { change: choose } });
  const refusals = new Map();
  const form = newSet(async (id, refused) => {
    refusals.set(id, refused);
    await load(id);
  });
  const report = h('div', { class: 'stack' });
  const problem = h('div', { hidden: true });
  const removeButton = button('Remove this data set', removeSet, { class: 'small', hidden: true });
  const element = h('section', { class: 'stack', 'aria-labelledby': 'data-title' },
    h('h2', { id: 'data-title', text: 'Data' }), field('Pictures to train on', select), form.element, report, removeButton, problem);
  let sets = [];
  let folders = [];

  async function load(chosen) {
    try {
      const [{ data }, status] = await Promise.all([api.get('/data'), api.get('/status')]);
      [sets, folders] = [data, status.folders ?? []];
      const before = chosen ?? select.value;
      select.replaceChildren(
        option('', 'Those of the recipe'),
        ...sets.map((entry) => option(entry.id, `${entry.name} (${entry.count})`)),
        ...folders.map((entry) => option(entry.id, `Folder ${entry.name}`)), option(NEW, 'New: drop pictures …'));
      select.value = [...select.options].some((entry) => entry.value === before) ? before : '';
      await choose();
    } catch (error) {
      showProblem(problem, error);
    }
  }

  async function choose() {
    const id = select.value;
    showProblem(problem, null);
    form.element.hidden = id !== NEW;
    removeButton.hidden = !sets.some((entry) => entry.id === id);
    report.replaceChildren();
    changed();
    if (!id) report.append(h('p', { class: 'hint', text: 'Some recipes generate their data, others need a data set.' }));
    if (!id || id === NEW) return;
    report.append(h('p', { class: 'hint', text: 'Reading the pictures …' }));
    try {
      const found = await api.get(`/data/${id}`);
      if (select.value === id) report.replaceChildren(...reportOf(found, refusals.get(id)));
    } catch (error) {
      report.replaceChildren();
      showProblem(problem, error);
    }
  }

  async function removeSet() {
    try {
      await api.remove(`/data/${select.value}`);
      select.value = '';
      await load('');
    } catch (error) {
      showProblem(problem, error);
    }
  }

  return { element, load, get id() { return select.value === NEW ? '' : select.value; }, get isNew() { return select.value === NEW; } };
}

/** @param {{name: string, problem: string}[]} refused files that were not taken when the set was uploaded */
function reportOf(found, refused = []) {
  const size = ({ width, height }) => `${width} × ${height}`;
  const { sizes, classes = [] } = found;
  const unreadable = [...refused, ...(found.unreadable ?? [])];
  return [
    h('p', {}, h('strong', { text: count(found.count, 'picture') }),
      sizes?.smallest ? `, from ${size(sizes.smallest)} to ${size(sizes.largest)}` : '',
      found.is_complete === false ? ', the first of a large folder' : ''),
    classes.length ? h('ul', { class: 'tags', 'aria-label': 'Classes' }, classes.map((entry) => h('li', { text: `${entry.name} ${entry.count}` }))) : null,
    unreadable.length ? unreadableList(unreadable) : null,
    found.count > 0 ? h('img', { class: 'sheet', src: `${api.dataSheet(found.id)}#${found.count}`, alt: 'Contact sheet of the pictures' }) : null,
  ].filter(Boolean);
}

function unreadableList(list) {
  return h('details', { class: 'notice bad', open: list.length < 6 }, h('summary', { text: `${count(list.length, 'file')} cannot be read` }),
    h('ul', {}, list.slice(0, 100).map((entry) => h('li', { text: `${entry.name}: ${entry.problem}` }))));
}

/** Collects pictures by class, then uploads them as one set. */
function newSet(done) {
  let files = [];
  let cancelled = false;
  const name = h('input', { type: 'text', maxLength: 80, value: 'My pictures', autocomplete: 'off' });
  const className = h('input', { type: 'text', maxLength: 40, autocomplete: 'off', placeholder: 'none' });
  const list = h('ul', { class: 'tags removable', 'aria-label': 'Classes to upload' });
  const bar = h('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Upload of the pictures' });
  const state = h('p', { class: 'hint', role: 'status' });
  const outcome = h('div');
  const upload = button('Upload as a data set', send, { class: 'primary', disabled: true });
  const stop = button('Stop', () => (cancelled = true), { hidden: true });
  const element = h('div', { class: 'stack', hidden: true },
    field('Name of the data set', name),
    field('Class of the pictures dropped next', className, { hint: 'Pictures in folders take the folder’s name as their class.' }),
    dropZone({ title: 'Drop pictures here', text: 'Or a folder with a folder for each class.', folders: true, use: add }),
    list, h('div', { class: 'row' }, upload, stop), bar, state, outcome);

  function add(chosen) {
    files.push(...chosen.map((file) => ({ file, className: file.folder || className.value.trim() })));
    show();
  }

  const classes = () => [...new Set(files.map((entry) => entry.className))];

  function show() {
    const names = classes();
    list.replaceChildren(...names.map((entry) => {
      const number = files.filter((other) => other.className === entry).length;
      const text = `${entry || 'no class'} ${number}`;
      return h('li', {}, h('span', { text }), button('×', () => { files = files.filter((other) => other.className !== entry); show(); }, { class: 'bare', 'aria-label': `Remove ${text}` }));
    }));
    const isMixed = names.includes('') && names.length > 1;
    upload.disabled = files.length === 0 || isMixed;
    upload.textContent = files.length ? `Upload ${count(files.length, 'picture')}` : 'Upload as a data set';
    outcome.replaceChildren(isMixed ? problemNote({ detail: 'some pictures have a class and others have none', hint: 'remove the ones without, or drop them again with a class' }) : '');
  }

  async function send() {
    upload.disabled = true;
    cancelled = stop.hidden = bar.hidden = false;
    const refused = [];
    try {
      const set = await api.post('/data', { name: name.value.trim() || 'Pictures', classes: classes().filter(Boolean) });
      for (const [index, entry] of files.entries()) {
        if (cancelled) break;
        bar.value = index / files.length;
        state.textContent = `${index} of ${count(files.length, 'picture')}`;
        await sendOne(set.id, entry, refused);
      }
      files = [];
      show();
      state.textContent = '';
      await done(set.id, refused);
    } catch (error) {
      outcome.replaceChildren(problemNote(error));
    }
    stop.hidden = bar.hidden = true;
    upload.disabled = files.length === 0;
  }

  return { element };
}

/** What is unreadable is noted, and the others are uploaded; any other problem ends the upload. */
async function sendOne(id, entry, refused) {
  try {
    await api.addToData(id, entry.file, entry.className);
  } catch (error) {
    if (![413, 415, 422].includes(error.status)) throw error;
    const prefix = `${entry.file.name}: `;
    refused.push({ name: entry.file.name, problem: error.detail.startsWith(prefix) ? error.detail.slice(prefix.length) : error.detail });
  }
}
