// The view Restore: pictures, settings with a detail restored at once, the plan, the job, before and after.

import * as api from './api.js';
import * as jobs from './jobs.js';
import { compareView } from './compare.js';
import { detailPreview } from './detail.js';
import { acceptDrops, dropZone, recall } from './pictures.js';
import { restoreControls } from './restore_controls.js';
import { Stage, picture as pictureElement } from './stage.js';
import { jobStatus, stateText } from './tray.js';
import { button, bytes, count, debounce, duration, h, replaceRows, setRoute, showProblem } from './dom.js';

const KEPT = 'sfumato.restore';

export function restoreView() {
  let items = [];
  let current = null;
  let job = null;
  let visible = false;
  let asked = 0;

  const stage = new Stage('The picture');
  const controls = restoreControls(adjusted);
  const detail = detailPreview(stage, () => controls.settings());
  const compare = compareView();
  const list = h('ul', { class: 'pictures' });
  const planPlace = h('div', { class: 'plan', 'aria-live': 'polite' });
  const problem = h('div', { hidden: true });
  const startButton = button('Restore', start, { class: 'primary' });
  const status = jobStatus();
  const preview = h('img', { class: 'preview', alt: 'The result so far', hidden: true });
  const drop = dropZone({
    title: 'Drop photographs here', text: 'JPEG, PNG, WebP or TIFF. They stay on this machine.', folders: true, use: addFiles,
  });
  const tabs = ['detail', 'compare'].map((mode) => button(mode === 'detail' ? 'Picture and detail' : 'Before and after',
    () => { current.mode = mode; showCurrent(); }, { class: 'small' }));
  const download = h('a', { class: 'button primary', text: 'Download' });
  const head = h('div', { class: 'stage-head' }, h('h2', { class: 'name' }), h('div', { class: 'segments' }, tabs), download);
  const working = h('div', { class: 'workspace', hidden: true }, head, stage.element, compare.element, detail.element);
  const side = h('aside', { class: 'panel', 'aria-label': 'Settings of the restoration', hidden: true },
    list,
    h('div', { class: 'row' }, moreButton(), button('Remove all', clear, { class: 'small' })),
    controls.element, h('div', { class: 'actions' }, h('div', { class: 'job-place', hidden: true }, status.element, preview), problem, planPlace, startButton));
  const element = h('section', { class: 'view restore', 'aria-labelledby': 'restore-title' },
    h('h1', { id: 'restore-title', class: 'sr', text: 'Restore' }), drop, working, side);
  acceptDrops(element, addFiles);

  function moreButton() {
    const input = h('input', { type: 'file', accept: 'image/*', multiple: true, hidden: true, 'aria-label': 'More pictures' });
    input.addEventListener('change', () => { addFiles([...input.files]); input.value = ''; });
    return h('span', {}, button('Add pictures', () => input.click(), { class: 'small' }), input);
  }

  /** A change of a setting is shown by the detail, also where a result was shown. */
  function adjusted() {
    if (current && current.mode === 'compare' && jobs.isOver(job)) {
      current.mode = 'detail';
      showCurrent();
    }
    detail.refresh();
    plan();
  }

  // ---- Pictures

  async function addFiles(files) {
    if (job && !jobs.isOver(job)) {
      showProblem(problem, { detail: 'these pictures are being restored', hint: 'cancel first, or wait until they are done' });
      return;
    }
    forgetJob();
    const added = files.map((file) => ({ name: file.name, local: URL.createObjectURL(file), state: 'uploading', file, mode: 'detail' }));
    items.push(...added);
    choose(added[0]);
    for (const item of added) await send(item);
    keep();
    plan();
  }

  async function send(item) {
    try {
      Object.assign(item, await api.upload(item.file), { name: item.file.name, state: 'ready', file: null });
    } catch (error) {
      Object.assign(item, { state: 'failed', problem: error, file: null });
    }
    if (!items.includes(item)) return;
    showList();
    if (item === current) showCurrent();
  }

  function removeItem(item) {
    if (item.local) URL.revokeObjectURL(item.local);
    if (item.id && !job) api.remove(`/pictures/${item.id}`).catch(() => {});
    items = items.filter((other) => other !== item);
    if (current === item) choose(items[0] ?? null);
    keep();
    plan();
    showList();
  }

  function clear() {
    forgetJob();
    for (const item of [...items]) removeItem(item);
    showProblem(problem, null);
  }

  function choose(item) {
    current = item;
    showCurrent();
    showList();
  }

  function resultOf(item) {
    const pictures = (job?.results ?? []).filter((result) => result.type?.startsWith('image/'));
    return pictures.find((result) => result.picture === item.id)
      ?? (pictures.some((result) => result.picture) ? undefined : pictures[ready().indexOf(item)]);
  }

  const resultName = (item, result) => `${item.name.replace(/\.[^.]*$/, '')}-restored.${result.name.split('.').at(-1)}`;
  const ready = () => items.filter((item) => item.id);

  function stateOf(item) {
    if (item.state !== 'ready') return item.state === 'failed' ? 'unreadable' : 'uploading';
    if (!job) return `${item.width} × ${item.height}`;
    if (resultOf(item)) return 'restored';
    if (job.state !== 'running') return job.state;
    return ready().find((other) => !resultOf(other)) === item ? 'restoring' : 'waiting';
  }

  // ---- What is shown

  function showList() {
    drop.hidden = items.length > 0;
    working.hidden = side.hidden = items.length === 0;
    replaceRows(list, items.map((item) => {
      const result = resultOf(item);
      return h('li', { class: item === current ? 'chosen' : '' },
        button('', () => choose(item), { class: 'pick', 'aria-pressed': String(item === current), 'aria-label': `${item.name}: ${stateOf(item)}` }),
        item.state === 'failed' ? h('span', { class: 'no-picture' })
          : h('img', { src: item.id ? api.pictureView(item.id, 96) : item.local, alt: '', width: 40, height: 40 }),
        h('span', { class: 'grow' }, h('span', { class: 'clip', text: item.name }), h('small', { class: item.problem ? 'bad' : '', text: item.problem?.detail ?? item.problem?.message ?? stateOf(item) })),
        result ? h('a', { class: 'button small', href: result.url, download: resultName(item, result), text: 'Download', 'aria-label': `Download ${item.name}` })
          : !job && button('Remove', () => removeItem(item), { class: 'small', 'aria-label': `Remove ${item.name}` }));
    }));
    startButton.disabled = ready().length === 0 || (job && !jobs.isOver(job)) || !controls.hasModel;
    startButton.textContent = ready().length > 1 ? `Restore ${count(ready().length, 'picture')}` : 'Restore';
  }

  function showCurrent() {
    if (!current) return;
    head.firstChild.textContent = current.name;
    const result = resultOf(current);
    const mode = result ? current.mode : 'detail';
    stage.element.hidden = detail.element.hidden = mode !== 'detail';
    compare.element.hidden = mode !== 'compare';
    head.querySelector('.segments').hidden = download.hidden = !result;
    tabs.forEach((tab, index) => tab.setAttribute('aria-pressed', String((index === 1) === (mode === 'compare'))));
    if (result) Object.assign(download, { href: result.url, download: resultName(current, result) });
    if (mode === 'compare') showCompare(result);
    else showPicture();
  }

  function showCompare(result) {
    if (compare.of === result.url) return;
    compare.of = result.url;
    const { scale = 1 } = job.settings;
    const [width, height] = [result.width ?? current.width * scale, result.height ?? current.height * scale];
    compare.show(api.pictureView(current.id, 2400), `${result.url}/view?size=4096`, width, height);
  }

  function showPicture() {
    const key = `${current.id ?? current.local}`;
    if (stage.of === key) return;
    stage.of = key;
    stage.clear();
    const image = pictureElement(current.id ? api.pictureView(current.id, 2400) : current.local, current.name);
    stage.addLayer(image);
    if (current.id) {
      stage.setSize(current.width, current.height);
      detail.setPicture(current, current.local ?? api.pictureFile(current.id));
    } else {
      detail.setPicture(null);
      image.addEventListener('load', () => stage.setSize(image.naturalWidth, image.naturalHeight), { once: true });
    }
  }

  // ---- Plan and job

  const plan = debounce(async () => {
    const pictures = ready().map((item) => item.id);
    asked += 1;
    const question = asked;
    if (!visible || pictures.length === 0 || !controls.hasModel) return planPlace.replaceChildren();
    try {
      const answer = await api.post('/plans', request(pictures));
      if (question !== asked) return;
      controls.setAuto(answer.strengths);
      planPlace.replaceChildren(...planText(answer));
      showProblem(problem, null);
    } catch (error) {
      if (question !== asked) return;
      planPlace.replaceChildren();
      showProblem(problem, error);
    }
  }, 300);

  const request = (pictures) => ({ kind: 'restore', pictures, ...controls.settings() });

  function planText({ pictures, seconds, memory_bytes: memory, disk_bytes: disk, warnings }) {
    const tiles = pictures.reduce((sum, entry) => sum + entry.tiles, 0);
    const [first] = pictures;
    const size = pictures.length === 1 ? `${first.result_width} × ${first.result_height}` : count(pictures.length, 'picture');
    const parts = [size, count(tiles, 'tile'), seconds && `about ${duration(seconds)}`, memory && `${bytes(memory)} of memory`, disk && `${bytes(disk)} on disk`];
    return [h('p', {}, h('strong', { text: 'Plan ' }), parts.filter(Boolean).join(', ')),
      ...(warnings ?? []).map((text) => h('p', { class: 'notice', text }))];
  }

  async function start() {
    startButton.disabled = true;
    showProblem(problem, null);
    try {
      job = await jobs.submit(request(ready().map((item) => item.id)));
      for (const item of items) item.mode = 'compare';
      keep();
    } catch (error) {
      showProblem(problem, error);
    }
    update();
  }

  function forgetJob() {
    job = null;
    compare.of = null;
    status.element.parentElement.hidden = true;
    for (const item of items) item.mode = 'detail';
    if (current) showCurrent();
  }

  function update() {
    showList();
    status.element.parentElement.hidden = !job;
    if (!job) return;
    status.update(job);
    preview.hidden = jobs.isOver(job) || !job.preview;
    if (job.preview && preview.getAttribute('src') !== job.preview) preview.src = job.preview;
    showCurrent();
  }

  jobs.subscribe(() => {
    const latest = job && jobs.find(job.id);
    if (!latest) return;
    const before = stateText(job) + job.results.length + job.preview;
    job = latest;
    if (before !== stateText(job) + job.results.length + job.preview) update();
  });

  // ---- Across reloads

  function keep() {
    if (visible) setRoute('restore', job ? { job: job.id } : {});
    sessionStorage.setItem(KEPT, JSON.stringify({ pictures: ready().map((item) => item.id), job: job?.id }));
  }

  async function open(ids, id) {
    const latest = id ? jobs.find(id) ?? await api.get(`/jobs/${id}`) : null;
    const pictures = latest ? latest.settings.pictures ?? [latest.settings.picture].filter(Boolean) : ids;
    job = latest;
    compare.of = null;
    if (job) controls.setSettings(job.settings);
    items = await Promise.all(pictures.map(async (picture) => {
      const item = { name: 'picture', state: 'ready', mode: job ? 'compare' : 'detail' };
      return recall(picture).then((found) => Object.assign(item, found)).catch((problem) => Object.assign(item, { state: 'failed', problem }));
    }));
    stage.of = null;
    list.rowsShown = null;
    choose(items.find((item) => item.id) ?? items[0] ?? null);
    keep();
    update();
    plan();
  }

  async function show({ job: id }) {
    visible = true;
    const wanted = id && id !== job?.id;
    if (!wanted && items.length) return plan();
    const kept = read(sessionStorage.getItem(KEPT)) ?? {};
    try {
      if (wanted) await open([], id);
      else if (kept.pictures?.length) await open(kept.pictures, kept.job).catch(() => open(kept.pictures));
    } catch (error) {
      showProblem(problem, error);
      side.hidden = false;
    }
  }

  return { element, show, hide: () => { visible = false; }, setModels: (models) => { controls.setModels(models); showList(); } };
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
