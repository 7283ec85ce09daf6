// The settings of sampling: model, classes, count, seed, sampler, steps, guidance, start picture.

import { startPicture } from './start_picture.js';
import { button, checkbox, count as counted, empty, field, h, option, short, slider } from './dom.js';

export function sampleControls() {
  let models = [];
  let samplers = [];
  let classes = new Set();
  const model = h('select', { on: { change: showModel } });
  const modelHint = h('p', { class: 'hint' });
  const chips = h('div', { class: 'chips' });
  const classGroup = h('fieldset', {}, h('legend', { text: 'Classes' }),
    h('div', { class: 'row' }, button('All', () => setClasses('all'), { class: 'small', 'aria-label': 'All classes' }),
      button('None', () => setClasses([]), { class: 'small', 'aria-label': 'No class: unconditional' })), chips,
    h('p', { class: 'hint', text: 'Assigned to the images in turn. Without any, samples are unconditional.' }));
  const number = h('input', { type: 'number', min: 1, max: 64, step: 1, value: '16' });
  const seed = h('input', { type: 'number', min: 0, step: 1, value: '0' });
  const random = button('Random', () => setSeed(crypto.getRandomValues(new Uint32Array(1))[0] % 1000000), { class: 'small', 'aria-label': 'Random seed' });
  const sampler = h('select', { on: { change: showSampler } });
  const samplerHint = h('p', { class: 'hint' });
  const steps = h('input', { type: 'number', min: 1, max: 1000, step: 1 });
  const guidance = slider('Guidance', {
    min: 0, max: 8, step: 0.1, value: 1, hint: '0 ignores the classes, 1 is as trained, 2 to 4 exaggerate them.',
  });
  const eta = slider('Eta', { min: 0, max: 1, step: 0.05, value: 0, hint: 'Noise that ddim adds: 0 none, 1 as much as ddpm.' });
  const animation = checkbox('Animation of the denoising');
  const start = startPicture();
  const noModel = empty('No model to sample from', 'Train one, or put a bundled model beside the program.', h('a', { class: 'button', href: '#/train', text: 'Train' }));
  const form = h('div', { class: 'stack' },
    h('div', { class: 'stack tight' }, field('Model', model), modelHint), classGroup,
    h('div', { class: 'pair' }, field('Images', number), field('Seed', seed, { trailing: random })),
    h('div', { class: 'pair' }, field('Sampler', sampler), field('Steps', steps)), samplerHint,
    guidance.element, eta.element, animation.element, start.element);
  const element = h('div', {}, noModel, form);

  const chosen = () => models.find((entry) => entry.id === model.value);

  function setModels(list) {
    const before = model.value;
    models = list.filter((entry) => entry.kind === 'diffusion');
    model.replaceChildren(...models.map((entry) => option(entry.id, entry.origin === 'run' ? `${entry.name} (run)` : entry.name)));
    noModel.hidden = models.length > 0;
    form.hidden = models.length === 0;
    if (models.some((entry) => entry.id === before)) model.value = before;
    else showModel();
  }

  function setModel(id) {
    if (!models.some((entry) => entry.id === id)) return;
    model.value = id;
    showModel();
  }

  function setSamplers(list) {
    samplers = list;
    const before = sampler.value;
    sampler.replaceChildren(option('', 'Model’s'), ...list.map((entry) => option(entry.type)));
    sampler.value = before;
    showSampler();
  }

  function showModel() {
    const entry = chosen();
    if (!entry) return;
    modelHint.textContent = `${entry.width} × ${entry.height}, ${entry.channels === 1 ? 'grey' : 'colour'}, ${counted(entry.parameters, 'parameter')}`;
    chips.replaceChildren(...entry.classes.map((name) => button(name, (event) => toggle(name, event.currentTarget), { class: 'chip' })));
    classGroup.hidden = entry.classes.length === 0;
    guidance.element.hidden = entry.classes.length === 0;
    setClasses('all');
    steps.value = '';
    steps.placeholder = entry.steps ? `${entry.steps}` : 'model’s';
    if (Number.isFinite(entry.guidance_scale)) guidance.value = entry.guidance_scale;
    sampler.value = '';
    showSampler();
  }

  function showSampler() {
    const type = sampler.value || chosen()?.sampler;
    const entry = samplers.find((other) => other.type === type);
    eta.element.hidden = type !== 'ddim';
    if (sampler.options.length && chosen()?.sampler) sampler.options[0].textContent = `Model’s: ${chosen().sampler}`;
    samplerHint.textContent = entry
      ? [entry.order && `Order ${entry.order}`, `${counted(entry.evaluations, 'evaluation')} of the network in a step`].filter(Boolean).join(', ')
      : '';
  }

  function toggle(name) {
    if (classes.has(name)) classes.delete(name);
    else classes.add(name);
    showChips();
  }

  function setClasses(list) {
    classes = new Set(list === 'all' ? chosen()?.classes : list === 'none' ? [] : list);
    showChips();
  }

  function showChips() {
    for (const chip of chips.children) chip.setAttribute('aria-pressed', String(classes.has(chip.textContent)));
  }

  function setSeed(value) {
    seed.value = String(value);
    seed.focus();
  }

  function settings() {
    const entry = chosen();
    const request = {
      kind: 'sample', model: entry.id, count: Math.floor(number.valueAsNumber || 16), seed: Math.max(0, Math.floor(seed.valueAsNumber || 0)),
      animation: animation.control.checked, ...start.settings(),
    };
    if (entry.classes.length) {
      const names = entry.classes.filter((name) => classes.has(name));
      request.classes = names.length === entry.classes.length ? 'all' : names.length ? names : 'none';
      request.guidance_scale = Number(short(guidance.value));
    }
    if (sampler.value) request.sampler = sampler.value;
    if (steps.value) request.steps = Math.floor(steps.valueAsNumber);
    if (!eta.element.hidden && eta.value > 0) request.eta = Number(short(eta.value));
    return request;
  }

  async function setSettings(values) {
    setModel(values.model);
    if (values.count) number.value = values.count;
    if (Number.isFinite(values.seed)) seed.value = values.seed;
    sampler.value = values.sampler ?? '';
    steps.value = values.steps ?? '';
    if (Number.isFinite(values.guidance_scale)) guidance.value = values.guidance_scale;
    if (Number.isFinite(values.eta)) eta.value = values.eta;
    if (values.classes) setClasses(values.classes);
    animation.control.checked = Boolean(values.animation);
    showSampler();
    await start.setSettings(values);
  }

  return { element, start, settings, setSettings, setModels, setModel, setSamplers, setSeed, get hasModel() { return models.length > 0; } };
}
