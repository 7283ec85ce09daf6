// The view Sample: images of a model, which appear as they denoise, and what can be made of each.

import * as api from './api.js';
import * as jobs from './jobs.js';
import { sampleControls } from './sample_controls.js';
import { Stage, picture } from './stage.js';
import { jobStatus, jobName } from './tray.js';
import { button, clock, empty, facts, h, replaceRows, setOptions, setRoute, option, showProblem } from './dom.js';

const KEPT = 'sfumato.sample';

export function sampleView() {
  let job = null;
  let visible = false;
  const controls = sampleControls();
  const problem = h('div', { hidden: true });
  const startButton = button('Sample', start, { class: 'primary' });
  const status = jobStatus();
  const statusPlace = h('div', { class: 'job-place', hidden: true }, status.element);
  const grid = h('ul', { class: 'samples' });
  const live = h('img', { class: 'live pixels', alt: 'The images as they denoise', hidden: true });
  const animation = h('img', { class: 'live pixels', alt: 'Animation of the denoising', hidden: true });
  const files = h('div', { class: 'row' });
  const nothing = empty('No images yet', 'Choose a model and its settings, then Sample. The images appear here as they denoise.');
  const history = h('select', { on: { change: () => open(history.value) } });
  const historyField = h('div', { class: 'stage-head', hidden: true },
    h('h2', { text: 'Images' }), h('label', { class: 'inline' }, 'Earlier', history));
  const stage = h('div', { class: 'workspace' }, historyField, nothing, live, grid, animation, files);
  const side = h('aside', { class: 'panel', 'aria-label': 'Settings of the sampling' }, controls.element, h('div', { class: 'actions' }, statusPlace, problem, startButton));
  const element = h('section', { class: 'view sample', 'aria-labelledby': 'sample-title' },
    h('h1', { id: 'sample-title', class: 'sr', text: 'Sample' }), stage, side);
  const dialog = imageDialog({
    vary: (result) => controls.start.takeResult(result, 'vary'),
    inpaint: (result) => controls.start.takeResult(result, 'inpaint'),
    takeSeed: (result) => controls.setSeed(result.seed),
    animate,
  });

  async function start() {
    startButton.disabled = true;
    showProblem(problem, null);
    try {
      job = await jobs.submit(controls.settings());
      keep();
    } catch (error) {
      showProblem(problem, error);
    }
    startButton.disabled = false;
    update();
  }

  /** Samples the same images again, their denoising as an animation: an image is that of its seed and its number. */
  async function animate() {
    await controls.setSettings({ ...job.settings, animation: true });
    await start();
  }

  const images = () => (job?.results ?? []).filter((result) => result.seed !== undefined && result.type?.startsWith('image/'));

  function update() {
    const results = images();
    nothing.hidden = Boolean(job);
    statusPlace.hidden = !job;
    if (!job) return;
    status.update(job);
    const running = !jobs.isOver(job);
    live.hidden = !(job.preview && results.length === 0);
    if (!live.hidden && live.getAttribute('src') !== job.preview) live.src = job.preview;
    grid.hidden = results.length === 0;
    grid.dataset.size = results.length <= 4 ? 'few' : results.length <= 16 ? 'some' : 'many';
    replaceRows(grid, results.map((result, index) => h('li', {},
      button('', () => dialog.open(results, index), { class: 'pick', 'aria-label': `Image ${index + 1}${result.class ? `, class ${result.class}` : ''}` }),
      h('img', { src: result.url, alt: '', class: (result.width ?? 64) < 200 ? 'pixels' : '', width: result.width, height: result.height }),
      result.class ? h('span', { class: 'caption', text: result.class }) : null)));
    const others = job.results.filter((result) => !results.includes(result));
    const moving = others.find((result) => /animation/.test(result.name) && result.type.startsWith('image/'));
    animation.hidden = !moving;
    if (moving && animation.getAttribute('src') !== moving.url) animation.src = moving.url;
    replaceRows(files, others.map((result) =>
      h('a', { class: 'button', href: result.url, download: result.name, text: `Download ${result.name}` })));
    grid.setAttribute('aria-busy', String(running));
  }

  function showHistory(list) {
    const samples = list.filter((entry) => entry.kind === 'sample').slice(0, 50);
    historyField.hidden = samples.length === 0;
    setOptions(history, samples.map((entry) => option(entry.id, `${jobName(entry)}, ${clock(entry.created)}`)));
    if (job) history.value = job.id;
  }

  jobs.subscribe((list) => {
    showHistory(list);
    const latest = job && jobs.find(job.id);
    if (latest && latest !== job) {
      job = latest;
      if (visible) update();
    }
  });

  async function open(id) {
    showProblem(problem, null);
    try {
      job = jobs.find(id) ?? await api.get(`/jobs/${id}`);
      controls.setSettings(job.settings);
      keep();
    } catch (error) {
      showProblem(problem, error);
    }
    showHistory(jobs.all());
    update();
  }

  function keep() {
    sessionStorage.setItem(KEPT, job.id);
    if (visible) setRoute('sample', { job: job.id });
  }

  async function show({ job: id, model }) {
    visible = true;
    if (model) controls.setModel(model);
    const kept = sessionStorage.getItem(KEPT);
    if (id && id !== job?.id) await open(id);
    else if (!job && kept && !model) await open(kept);
    else update();
  }

  return {
    element, show, hide: () => { visible = false; dialog.close(); },
    setModels: (models) => { controls.setModels(models); startButton.disabled = !controls.hasModel; },
    setSamplers: controls.setSamplers,
  };
}

/**
 * One image of several, larger: to vary, to inpaint, to take the seed of, to animate, to download.
 * @param {{vary: Function, inpaint: Function, takeSeed: Function, animate: Function}} actions each receives the result
 */
function imageDialog(actions) {
  let results = [];
  let index = 0;
  const stage = new Stage('The image');
  const title = h('h2', { id: 'image-title' });
  const about = h('div');
  const download = h('a', { class: 'button', text: 'Download' });
  const act = (text, work) => button(text, () => { dialog.close(); work(results[index]); });
  const dialog = h('dialog', { class: 'wide', 'aria-labelledby': 'image-title', on: { keydown: key } },
    h('div', { class: 'row between' }, title, h('div', { class: 'row' },
      button('Previous', () => go(-1), { class: 'small' }), button('Next', () => go(1), { class: 'small' }),
      button('Close', () => dialog.close(), { class: 'small' }))),
    stage.element, about,
    h('div', { class: 'row' }, act('Vary', actions.vary), act('Inpaint', actions.inpaint), act('Take its seed', actions.takeSeed), act('Animate', actions.animate), download));

  function key(event) {
    if (event.target === stage.view || event.target.matches('input')) return;
    if (event.key === 'ArrowLeft') go(-1);
    if (event.key === 'ArrowRight') go(1);
  }

  function go(step) {
    index = (index + step + results.length) % results.length;
    show();
  }

  function show() {
    const result = results[index];
    title.textContent = `Image ${index + 1} of ${results.length}`;
    about.replaceChildren(facts([
      ['Class', result.class], ['Seed', result.seed], ['Number', Number.isFinite(result.number) ? `${result.number + 1}, in the order of the seed` : ''], ['Size', result.width && `${result.width} × ${result.height}`],
    ]));
    Object.assign(download, { href: result.url, download: result.name });
    stage.clear();
    stage.addLayer(picture(result.url, title.textContent));
    stage.setSize(result.width ?? 64, result.height ?? 64);
  }

  function open(list, at) {
    [results, index] = [list, at];
    if (!dialog.isConnected) document.body.append(dialog);
    dialog.showModal();
    show();
  }

  return { open, close: () => dialog.open && dialog.close() };
}
