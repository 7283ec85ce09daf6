// The view Train: data, recipe, check, and the training as it goes.

import * as api from './api.js';
import * as jobs from './jobs.js';
import { dataSetChoice } from './data_set.js';
import { recipeForm } from './recipe_form.js';
import { runProgress } from './plot.js';
import { jobStatus } from './tray.js';
import { button, bytes, clock, count, empty, field, h, option, setOptions, setRoute, showProblem } from './dom.js';

const KEPT = 'sfumato.train';

export function trainView() {
  let job = null;
  let visible = false;
  let loaded = false;
  const data = dataSetChoice(forgetCheck);
  const form = recipeForm(forgetCheck);
  const name = h('input', { type: 'text', maxLength: 80, autocomplete: 'off', placeholder: 'that of the recipe' });
  const problem = h('div', { hidden: true });
  const checked = h('div', { class: 'plan', 'aria-live': 'polite' });
  const checkButton = button('Check', () => guard(checkButton, check));
  const startButton = button('Start training', () => guard(startButton, start), { class: 'primary' });
  const status = jobStatus();
  const progress = runProgress();
  const links = h('div', { class: 'row' });
  const history = h('select', { on: { change: () => open(history.value) } });
  const historyField = h('div', { class: 'stage-head', hidden: true }, h('h2', { text: 'Training' }), h('label', { class: 'inline' }, 'Shown', history));
  const nothing = empty('No training yet', 'Choose data and a recipe, check them, and start. The loss and previews of the images appear here.');
  const shown = h('div', { class: 'stack', hidden: true }, h('div', { class: 'job-place' }, status.element), progress.element, links);
  const element = h('section', { class: 'view train', 'aria-labelledby': 'train-title' },
    h('h1', { id: 'train-title', class: 'sr', text: 'Train' }),
    h('div', { class: 'workspace' }, historyField, nothing, shown),
    h('aside', { class: 'panel', 'aria-label': 'Data and recipe' }, data.element, form.element, field('Name of the run', name),
      h('div', { class: 'actions' }, problem, checked, h('div', { class: 'row' }, checkButton, startButton))));

  function request() {
    if (data.isNew) throw { detail: 'the new data set is not uploaded yet', hint: 'drop pictures and upload them, or choose other data' };
    const body = { recipe: form.name, settings: form.settings() };
    if (data.id) body.data = data.id;
    return body;
  }

  function forgetCheck() {
    checked.replaceChildren();
    showProblem(problem, null);
  }

  async function guard(pressed, work) {
    pressed.disabled = true;
    showProblem(problem, null);
    try {
      await work();
    } catch (error) {
      checked.replaceChildren();
      showProblem(problem, error);
    }
    pressed.disabled = false;
  }

  async function check() {
    checked.replaceChildren(h('p', { class: 'hint', text: 'Checking …' }));
    const answer = await api.post('/recipes/check', request());
    const parts = [count(answer.parameters, 'parameter'), answer.images && count(answer.images, 'image'),
      answer.memory_bytes && `about ${bytes(answer.memory_bytes)} of memory`];
    checked.replaceChildren(h('p', {}, h('strong', { text: 'Ready ' }), parts.filter(Boolean).join(', ')),
      ...(answer.warnings ?? []).map((text) => h('p', { class: 'notice', text })));
  }

  async function start() {
    const body = { kind: 'train', ...request() };
    if (name.value.trim()) body.name = name.value.trim();
    job = await jobs.submit(body);
    keep();
    update();
  }

  function update() {
    nothing.hidden = Boolean(job);
    shown.hidden = !job;
    if (!job) return;
    status.update(job);
    if (job.state !== 'waiting') progress.show(job.run ?? job.settings.run, jobs.logOf(job.id));
    links.replaceChildren(...job.results.filter((result) => !result.type.startsWith('image/')).map((result) =>
      result.type === 'text/html'
        ? h('a', { class: 'button', href: result.url, target: '_blank', rel: 'noopener', text: 'Open the report' })
        : h('a', { class: 'button', href: result.url, download: result.name, text: `Download ${result.name}` })),
    ...(job.state === 'finished' && job.run ? [h('a', { class: 'button', href: `#/sample?model=${job.run}`, text: 'Sample from it' })] : []));
  }

  let lastSeen = '';
  jobs.subscribe((list) => {
    const trainings = list.filter((entry) => entry.kind === 'train').slice(0, 50);
    historyField.hidden = trainings.length === 0;
    setOptions(history, trainings.map((entry) => option(entry.id, `${entry.settings.name ?? entry.settings.recipe ?? 'resumed run'}, ${clock(entry.created)}`)));
    const latest = job && jobs.find(job.id);
    if (!latest) return;
    history.value = job.id;
    job = latest;
    const now = [job.state, job.share, job.message, job.preview, jobs.logOf(job.id).length].join();
    if (visible && now !== lastSeen) update();
    lastSeen = now;
  });

  async function open(id) {
    showProblem(problem, null);
    try {
      job = jobs.find(id) ?? await api.get(`/jobs/${id}`);
      history.value = job.id;
      keep();
    } catch (error) {
      showProblem(problem, error);
    }
    update();
  }

  function keep() {
    sessionStorage.setItem(KEPT, job.id);
    if (visible) setRoute('train', { job: job.id });
  }

  async function show({ job: id }) {
    visible = true;
    if (!loaded) {
      loaded = true;
      await Promise.all([data.load(), form.start()]);
    }
    const wanted = id ?? job?.id ?? sessionStorage.getItem(KEPT) ?? jobs.all().find((entry) => entry.kind === 'train')?.id;
    if (wanted && wanted !== job?.id) await open(wanted);
    else update();
  }

  return { element, show, hide: () => { visible = false; } };
}
