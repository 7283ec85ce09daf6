// A form of a recipe's own fields with their documentation. Only what was changed is sent.

import * as api from './api.js';
import { button, field, h, option, sentence, showProblem, uniqueId } from './dom.js';

/** Fields that most trainings change; the rest lies in its section. */
const FIRST = ['training.duration', 'training.batch_size', 'training.learning_rate', 'training.preview_every', 'images.size'];
const TITLES = { '': 'General', ema: 'Averages' };

/** @param {() => void} changed called at each change */
export function recipeForm(changed) {
  const recipe = h('select', { on: { change: () => load() } });
  const title = h('p', { class: 'hint' });
  const text = h('pre', { tabIndex: 0, 'aria-label': 'The recipe as it stands' });
  const search = h('input', { type: 'search', autocomplete: 'off', placeholder: 'learning rate, decay …', on: { input: filter } });
  const sections = h('div', { class: 'stack' });
  const problem = h('div', { hidden: true });
  const resetAll = button('Reset all changes', () => { controls.forEach((control) => control.reset()); }, { class: 'small' });
  const element = h('section', { class: 'stack', 'aria-labelledby': 'recipe-title' },
    h('h2', { id: 'recipe-title', text: 'Recipe' }), field('Recipe', recipe), title, problem,
    h('div', { class: 'row between end' }, field('Find a setting', search), resetAll), sections,
    h('details', { class: 'more' }, h('summary', { text: 'The recipe as text' }), text));
  let recipes = [];
  let controls = [];

  async function start() {
    try {
      ({ recipes } = await api.get('/recipes'));
      recipe.replaceChildren(...recipes.map((entry) => option(entry.name)));
      recipe.value = recipes.some((entry) => entry.name === 'glyphs') ? 'glyphs' : recipes[0]?.name;
      await load();
    } catch (error) {
      showProblem(problem, error);
    }
  }

  async function load(settings = {}) {
    const entry = recipes.find((other) => other.name === recipe.value);
    title.textContent = entry?.title ?? '';
    text.textContent = entry?.text ?? '';
    if (!entry) return;
    try {
      const { fields } = await api.get(`/recipes/${entry.name}/fields`);
      showProblem(problem, null);
      controls = fields.map((one) => fieldControl(one, () => { mark(); changed(); }));
      for (const control of controls) if (control.path in settings) control.value = settings[control.path];
      layOut();
      mark();
      changed();
    } catch (error) {
      controls = [];
      sections.replaceChildren();
      showProblem(problem, error);
    }
  }

  function layOut() {
    const first = FIRST.map((path) => controls.find((control) => control.path === path)).filter(Boolean);
    const groups = new Map([['Often changed', first]]);
    for (const control of controls.filter((other) => !first.includes(other))) {
      const section = control.path.includes('.') ? control.path.split('.')[0] : '';
      const name = TITLES[section] ?? sentence(section.replaceAll('_', ' '));
      groups.set(name, [...(groups.get(name) ?? []), control]);
    }
    sections.replaceChildren(...[...groups].filter(([, list]) => list.length).map(([name, list], index) => {
      const group = h('details', { class: 'section', open: index === 0 },
        h('summary', {}, h('span', { text: name }), h('span', { class: 'badge' })), h('div', { class: 'fields' }, list.map((control) => control.element)));
      group.controls = list;
      return group;
    }));
  }

  function mark() {
    for (const group of sections.children) {
      const number = group.controls.filter((control) => control.isChanged).length;
      group.querySelector('.badge').textContent = number ? `${number} changed` : '';
    }
    resetAll.disabled = !controls.some((control) => control.isChanged);
  }

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const [index, group] of [...sections.children].entries()) {
      let found = 0;
      for (const control of group.controls) {
        const matches = words.every((word) => control.words.includes(word));
        control.element.hidden = !matches;
        if (matches) found += 1;
      }
      group.hidden = found === 0;
      group.open = words.length ? found > 0 : index === 0;
    }
  }

  function settings() {
    return Object.fromEntries(controls.filter((control) => control.isChanged).map((control) => [control.path, control.value]));
  }

  async function setSettings(name, values) {
    if (!recipes.some((entry) => entry.name === name)) return;
    recipe.value = name;
    await load(values);
  }

  return { element, start, settings, setSettings, get name() { return recipe.value; } };
}

function fieldControl({ path, kind, value, choices, documentation }, changed) {
  const input = inputOf(kind, value, choices);
  input.id = uniqueId('recipe');
  const before = read();
  const reset = button('Reset', () => { write(value); tell(); input.focus(); }, { class: 'bare', hidden: true, 'aria-label': `Reset ${path}` });
  const name = path.split('.').slice(path.startsWith('training.') || path.split('.').length < 3 ? 1 : -2).join('.') || path;
  const hint = h('small', { class: 'hint', id: `${input.id}-hint`, text: documentation });
  if (documentation) input.setAttribute('aria-describedby', hint.id);
  const element = h('div', { class: 'field recipe-field' },
    h('span', { class: 'field-head' }, h('label', { htmlFor: input.id, text: sentence(name.replaceAll('_', ' ')) }), reset), input,
    h('small', { class: 'path', text: path }), documentation ? hint : null);
  input.addEventListener('input', tell);

  function tell() {
    const differs = read() !== before;
    element.classList.toggle('changed', differs);
    reset.hidden = !differs;
    changed();
  }

  function read() {
    if (kind === 'boolean') return input.checked;
    if (input.value.trim() === '') return value === null || value === '' ? '' : 'null';
    if (kind === 'number' || kind === 'integer') return Number.isFinite(Number(input.value)) ? Number(input.value) : input.value.trim();
    return input.value.trim();
  }

  function write(next) {
    if (kind === 'boolean') input.checked = Boolean(next);
    else input.value = next === 'null' ? '' : plain(next);
  }

  return {
    path, element, words: `${path} ${name} ${documentation}`.toLowerCase().replaceAll('_', ' '),
    get isChanged() { return read() !== before; },
    get value() { return read(); },
    set value(next) { write(next); tell(); },
    reset() { write(value); tell(); },
  };
}

function inputOf(kind, value, choices) {
  if (kind === 'boolean') return h('input', { type: 'checkbox', checked: Boolean(value) });
  if (kind === 'choice' && choices?.length) {
    const automatic = value === null ? [option('', 'automatic')] : [];
    const select = h('select', {}, [...automatic, ...[...new Set([...choices, plain(value)])].filter(Boolean).map((entry) => option(entry))]);
    select.value = plain(value);
    return select;
  }
  // Numbers are text: recipes have 3.0e-3, and the server says what is wrong with a value.
  return h('input', {
    type: 'text', inputMode: kind === 'integer' ? 'numeric' : kind === 'number' ? 'decimal' : 'text', autocomplete: 'off', spellcheck: false,
    value: plain(value), placeholder: value === null ? 'automatic' : '',
  });
}

function plain(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' && value !== 0 && Math.abs(value) < 0.001) return value.toExponential();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
