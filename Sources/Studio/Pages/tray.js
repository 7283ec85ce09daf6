// The tray at the bottom of every view: running and waiting jobs, then the last ones that ended.

import * as jobs from './jobs.js';
import { announce, button, clock, count, duration, h, problemNote, sentence } from './dom.js';

const KINDS = { restore: 'Restore', sample: 'Sample', train: 'Train', evaluate: 'Evaluate' };
const SHOWN = 12;
const rows = new Map();
let states = null;

const summaryText = h('span', { class: 'tray-text', text: 'No jobs' });
const summaryBar = h('progress', { max: 1, value: 0, hidden: true, 'aria-label': 'Progress of the running job' });
const listElement = h('ul', { class: 'tray-list' });
const problemPlace = h('div', { hidden: true });
const tray = h('details', { class: 'tray' },
  h('summary', {}, h('span', { class: 'tray-title', text: 'Jobs' }), summaryText, summaryBar), problemPlace, listElement);

export function mount(place) {
  place.append(tray);
  jobs.subscribe(show);
}

/** Progress, time left, cancel and resume of one job; the views use it too. */
export function jobStatus({ withLink = false } = {}) {
  const title = h('strong');
  const state = h('span', { class: 'job-state' });
  const bar = h('progress', { max: 1 });
  const place = h('div', { hidden: true });
  const link = h('a', { class: 'button small', text: 'Open', hidden: !withLink });
  const cancel = act('Cancel', (job) => jobs.cancel(job.id));
  const resume = act('Resume', (job) => jobs.resume(job.id));
  const discard = act('Remove', (job) => jobs.discard(job.id));
  const element = h('div', { class: 'job' },
    h('div', { class: 'job-head' }, title, state), bar,
    h('div', { class: 'row' }, link, cancel, resume, withLink ? discard : null), place);
  let current = null;

  function act(text, work) {
    return button(text, async (event) => {
      const pressed = event.currentTarget;
      pressed.disabled = true;
      place.replaceChildren();
      try {
        await work(current);
      } catch (error) {
        place.hidden = false;
        place.replaceChildren(problemNote(error));
      }
      pressed.disabled = false;
    }, { class: 'small' });
  }

  function update(job) {
    const failed = job.problem && job.problem.detail !== current?.problem?.detail;
    current = job;
    const over = jobs.isOver(job);
    const name = jobName(job);
    title.textContent = name;
    state.textContent = stateText(job);
    element.dataset.state = job.state;
    bar.hidden = over;
    bar.setAttribute('aria-label', `Progress: ${name}`);
    if (job.state === 'running') bar.value = job.share ?? 0;
    else bar.removeAttribute('value');
    if (job.state === 'waiting') bar.hidden = true;
    cancel.hidden = over;
    cancel.textContent = job.kind === 'train' && job.state === 'running' ? 'Stop and save' : 'Cancel';
    resume.hidden = !(over && job.can_resume);
    discard.hidden = !over;
    link.href = `#/${job.kind}?job=${job.id}`;
    for (const control of [link, cancel, resume, discard]) control.setAttribute('aria-label', `${control.textContent}: ${name}`);
    if (failed) {
      place.hidden = false;
      place.replaceChildren(problemNote(job.problem));
    } else if (!job.problem && over === false) {
      place.hidden = true;
    }
  }
  return { element, update };
}

export function jobName(job) {
  const kind = KINDS[job.kind] ?? sentence(job.kind);
  const { settings = {} } = job;
  if (job.kind === 'sample' && settings.count) return `${kind} ${count(settings.count, 'image')}`;
  if (job.kind === 'restore') return `${kind} ${count(settings.pictures?.length ?? 1, 'picture')}`;
  if (job.kind === 'train') return `${kind} ${settings.name ?? settings.recipe ?? ''}`.trim();
  return kind;
}

/** What the state of a job means, in words. */
export function stateText(job) {
  if (job.state === 'waiting') {
    const left = Number.isFinite(job.seconds_left) ? `, starts in about ${duration(job.seconds_left)}` : '';
    return job.place > 1 ? `waiting, place ${job.place}${left}` : `waiting, next${left}`;
  }
  if (job.state === 'running') {
    const left = Number.isFinite(job.seconds_left) ? `${duration(job.seconds_left)} left` : '';
    return [`${Math.floor(100 * (job.share ?? 0))} %`, left, job.message].filter(Boolean).join(' · ');
  }
  return [job.state, job.ended ? clock(job.ended) : ''].filter(Boolean).join(' · ');
}

function show(list) {
  const active = list.filter((job) => !jobs.isOver(job)).sort((a, b) => order(a) - order(b));
  const shown = [...active, ...list.filter(jobs.isOver)].slice(0, Math.max(SHOWN, active.length));
  for (const [id, row] of rows) {
    if (shown.some((job) => job.id === id)) continue;
    row.item.remove();
    rows.delete(id);
  }
  shown.forEach((job, index) => {
    if (!rows.has(job.id)) {
      const status = jobStatus({ withLink: true });
      rows.set(job.id, { ...status, item: h('li', {}, status.element) });
    }
    const { item, update } = rows.get(job.id);
    update(job);
    if (listElement.children[index] !== item) listElement.insertBefore(item, listElement.children[index] ?? null);
  });
  summarise(active, list.length);
  tellEnds(list);
}

const order = (job) => (job.state === 'running' ? 0 : job.place ?? 1);

function summarise(active, total) {
  const running = active.find((job) => job.state === 'running');
  const waiting = active.filter((job) => job.state === 'waiting').length;
  const parts = [];
  if (running) parts.push(`${jobName(running)}: ${stateText(running)}`);
  if (waiting) parts.push(`${waiting} waiting`);
  summaryText.textContent = parts.join(' · ') || (total ? 'Nothing is running' : 'No jobs yet');
  summaryBar.hidden = !running;
  if (running) summaryBar.value = running.share ?? 0;
  tray.classList.toggle('active', active.length > 0);
}

function tellEnds(list) {
  const now = new Map(list.map((job) => [job.id, job.state]));
  for (const job of list) {
    if (states && states.has(job.id) && states.get(job.id) !== job.state) announce(`${jobName(job)}: ${job.state}`);
  }
  states = now;
}
