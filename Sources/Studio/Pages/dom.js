// Elements and the wording of numbers. Text is always set as text, never as markup.

const SVG = 'http://www.w3.org/2000/svg';
let serial = 0;

/** An element. `options`: `on` (listeners), `text`, any property of the element, or any attribute. */
export function h(tag, options = {}, ...children) {
  return fill(document.createElement(tag), options, children);
}

/** An element of SVG. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function fill(element, options, children) {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null) continue;
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === 'text') {
      element.textContent = value;
    } else if (name === 'class') {
      element.className = value;
    } else if (name in element && !name.startsWith('aria')) {
      element[name] = value;
    } else {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function uniqueId(stem) {
  serial += 1;
  return `${stem}-${serial}`;
}

/** A label above a control, and a hint below it that screen readers read with the control. */
export function field(label, control, { hint, trailing } = {}) {
  control.id ||= uniqueId('control');
  const children = [
    h('span', { class: 'field-head' }, h('label', { htmlFor: control.id, text: label }), trailing ?? null),
    control,
  ];
  if (hint) {
    const note = h('small', { class: 'hint', id: `${control.id}-hint`, text: hint });
    control.setAttribute('aria-describedby', note.id);
    children.push(note);
  }
  return h('div', { class: 'field' }, children);
}

/** A slider with its value as a number beside the label. `input` receives the number. */
export function slider(label, { min, max, step, value, hint, input }) {
  const output = h('output', { text: short(value) });
  const control = h('input', { type: 'range', min, max, step, on: { input: () => changed(true) } });
  control.value = value;
  const element = field(label, control, { hint, trailing: output });
  output.htmlFor = control.id;
  function changed(tell) {
    output.textContent = short(control.valueAsNumber);
    if (tell) input?.(control.valueAsNumber);
  }
  return {
    element,
    control,
    get value() { return control.valueAsNumber; },
    set value(number) { control.value = number; changed(false); },
  };
}

export function button(text, click, options = {}) {
  return h('button', { type: 'button', text, on: { click }, ...options });
}

export function checkbox(label, { checked = false, input } = {}) {
  const control = h('input', { type: 'checkbox', checked, on: { change: () => input?.(control.checked) } });
  return { element: h('label', { class: 'check' }, control, h('span', { text: label })), control };
}

export function option(value, text = value) {
  return h('option', { value, text });
}

/** Replaces what a list of choices offers, and keeps the choice where it still exists. */
export function setOptions(select, options) {
  const chosen = select.value;
  select.replaceChildren(...options);
  if (options.some((entry) => entry.value === chosen)) select.value = chosen;
}

/** Replaces the rows of a list where they changed; the focus stays on the same control of the same row. */
export function replaceRows(list, rows) {
  const now = rows.map((row) => row.outerHTML).join('');
  if (list.rowsShown === now) return;
  list.rowsShown = now;
  const focused = document.activeElement;
  const row = [...list.children].findIndex((child) => child.contains(focused));
  const control = row < 0 ? -1 : [...list.children[row].querySelectorAll('a, button, input')].indexOf(focused);
  list.replaceChildren(...rows);
  if (row >= 0) [...(list.children[row]?.querySelectorAll('a, button, input') ?? [])].at(control)?.focus();
}

/** Puts an error where it belongs: the server's message, and its hint. */
export function showProblem(place, error) {
  place.replaceChildren();
  place.hidden = !error;
  if (!error) return;
  place.append(problemNote(error));
}

export function problemNote({ detail, message, hint }) {
  return h('div', { class: 'notice bad', role: 'alert' },
    h('p', { text: sentence(detail ?? message) }), hint ? h('p', { class: 'hint', text: sentence(hint) }) : null);
}

export function empty(title, text, ...more) {
  return h('div', { class: 'empty' }, h('h3', { text: title }), h('p', { text }), more);
}

export function facts(pairs) {
  return h('dl', { class: 'facts' },
    pairs.filter(([, value]) => value !== undefined && value !== null && value !== '')
      .flatMap(([name, value]) => [h('dt', { text: name }), h('dd', { text: String(value) })]));
}

/** Says something to screen readers without moving the focus. */
export function announce(text) {
  document.getElementById('announcer').textContent = text;
}

export function sentence(text) {
  const trimmed = String(text ?? '').trim();
  return trimmed ? trimmed[0].toUpperCase() + trimmed.slice(1) : trimmed;
}

export function short(number) {
  if (!Number.isFinite(number)) return '–';
  if (number !== 0 && Math.abs(number) < 0.001) return number.toExponential(1);
  return String(Number(number.toPrecision(4)));
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

export function bytes(number) {
  if (!Number.isFinite(number)) return '–';
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const unit = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, number)) / 3)));
  return `${Number((number / 1000 ** unit).toPrecision(3))} ${units[unit]}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 1) return 'under 1 s';
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export function clock(iso) {
  const date = new Date(iso);
  return Number.isNaN(date.valueOf()) ? '' : date.toLocaleString([], { dateStyle: 'short', timeStyle: 'short' });
}

/** Puts what a view shows into the address, so that a reload and a bookmark lead there. */
export function setRoute(view, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  history.replaceState(null, '', `#/${view}${query ? `?${query}` : ''}`);
}

/** Calls `work` once no call has followed for `milliseconds`. */
export function debounce(work, milliseconds) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...values), milliseconds);
  };
}
