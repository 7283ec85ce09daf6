// The frame: views by address, theme, the tray, and what all views share.

import * as api from './api.js';
import * as jobs from './jobs.js';
import * as tray from './tray.js';
import { doctorView } from './doctor.js';
import { h, sentence } from './dom.js';
import { restoreView } from './restore.js';
import { runsView } from './runs.js';
import { sampleView } from './sample.js';
import { trainView } from './train.js';

const views = {
  restore: { title: 'Restore', ...restoreView() },
  sample: { title: 'Sample', ...sampleView() },
  train: { title: 'Train', ...trainView() },
  runs: { title: 'Runs and models', ...runsView(loadModels) },
  doctor: { title: 'Doctor', ...doctorView() },
};
const main = document.getElementById('main');
const links = document.getElementById('views');
let shown = null;

for (const [name, view] of Object.entries(views)) {
  view.element.hidden = true;
  main.append(view.element);
  links.append(h('li', {}, h('a', { href: `#/${name}`, text: view.title, id: `link-${name}` })));
}

async function loadModels() {
  const { models } = await api.get('/models');
  for (const view of Object.values(views)) view.setModels?.(models);
}

function route() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const name = Object.hasOwn(views, path) ? path : 'restore';
  const parameters = Object.fromEntries(new URLSearchParams(query));
  for (const [other, view] of Object.entries(views)) {
    const isShown = other === name;
    view.element.hidden = !isShown;
    document.getElementById(`link-${other}`).setAttribute('aria-current', isShown ? 'page' : 'false');
    if (!isShown && shown === other) view.hide();
  }
  document.title = `${views[name].title} · Sfumato studio`;
  if (shown && shown !== name) main.focus({ preventScroll: true });
  if (shown !== name) scrollTo(0, 0);
  shown = name;
  views[name].show(parameters);
}

function startTheme() {
  const theme = document.getElementById('theme');
  theme.value = localStorage.getItem('sfumato.theme') ?? '';
  const apply = () => {
    if (theme.value) document.documentElement.dataset.theme = theme.value;
    else delete document.documentElement.dataset.theme;
  };
  theme.addEventListener('change', () => {
    localStorage.setItem('sfumato.theme', theme.value);
    apply();
  });
  apply();
}

function showConnection(error) {
  const place = document.getElementById('connection');
  place.hidden = !error;
  place.textContent = error ? [sentence(error.detail ?? error.message), error.hint && sentence(error.hint)].filter(Boolean).join('. ') : '';
}

// What is dropped beside a drop zone must not replace the page.
for (const name of ['dragover', 'drop']) addEventListener(name, (event) => event.preventDefault());

startTheme();
tray.mount(document.getElementById('tray'));
jobs.onConnection(showConnection);
addEventListener('hashchange', route);

const [, samplers] = await Promise.all([
  Promise.all([loadModels(), jobs.start()]).catch(showConnection), api.get('/samplers').catch(() => ({ samplers: [] })),
]);
views.sample.setSamplers(samplers.samplers);
route();
