// The settings of a restoration: model, scale, strengths, detail.

import { checkbox, debounce, field, h, option, sentence, short, slider } from './dom.js';

const NAMES = { jpeg: 'JPEG' };
const HINTS = {
  jpeg: 'Blocks and rings of compression.', noise: 'Grain and sensor noise.', blur: 'Softness, as from missed focus.',
  gaussian_blur: 'Softness, as from missed focus.',
};

/** @param {(settings: object) => void} changed called at each change of a setting */
export function restoreControls(changed) {
  const model = h('select', { on: { change: () => { setStrengths(); changed(); } } });
  const scale = h('select', { on: { change: () => changed() } },
    [1, 1.5, 2, 3, 4].map((value) => option(String(value), value === 1 ? '1, same size' : `${value} times larger`)));
  const auto = checkbox('Auto: strengths as the file shows them', { checked: true, input: () => { showAuto(); changed(); } });
  const strengths = h('div', { class: 'stack' });
  const detail = slider('Detail', {
    min: 0, max: 1, step: 0.05, value: 0.5, input: debounce(() => changed(), 60),
    hint: 'How much texture is made up: 0 gives the mean of all answers, 1 one of them.',
  });
  const seed = h('input', { type: 'number', min: 0, step: 1, value: '0', on: { change: () => changed() } });
  const evaluations = h('input', { type: 'number', min: 1, max: 1000, step: 1, placeholder: 'model’s', on: { change: () => changed() } });
  const format = h('select', { on: { change: () => changed() } },
    option('', 'That of the picture'), option('png', 'PNG'), option('jpg', 'JPEG'), option('webp', 'WebP'), option('tif', 'TIFF'));
  let models = [];
  let sliders = new Map();
  let automatic = {};

  const strengthGroup = h('fieldset', {}, h('legend', { text: 'Strengths' }), auto.element, strengths);
  const element = h('div', { class: 'stack' },
    field('Scale', scale), strengthGroup, detail.element,
    h('details', { class: 'more' }, h('summary', { text: 'More' }),
      h('div', { class: 'stack' }, field('Model', model), field('Format of the results', format),
        field('Seed', seed, { hint: 'Of the texture.' }),
        field('Evaluations', evaluations, { hint: 'Of the network for each tile. 1 is the fastest and shows no texture.' }))));

  function setModels(list) {
    models = list.filter((entry) => entry.kind === 'restoration');
    model.replaceChildren(...models.map((entry) => option(entry.id, entry.name)));
    setStrengths();
  }

  function setStrengths() {
    const chosen = models.find((entry) => entry.id === model.value);
    sliders = new Map((chosen?.strengths ?? []).map(({ name, default: value }) => [name, slider(NAMES[name] ?? sentence(name.replaceAll('_', ' ')), {
      min: 0, max: 1, step: 0.02, value: value ?? 0, hint: HINTS[name],
      input: () => { leaveAuto(); changed(); },
    })]));
    strengthGroup.hidden = sliders.size === 0;
    strengths.replaceChildren(...[...sliders.values()].map((entry) => entry.element));
    showAuto();
  }

  /** Moving one slider sets that one; the others stay as Auto had them. */
  function leaveAuto() {
    auto.control.checked = false;
    strengths.classList.remove('auto');
  }

  function showAuto() {
    strengths.classList.toggle('auto', auto.control.checked);
    if (!auto.control.checked) return;
    for (const [name, entry] of sliders) if (name in automatic) entry.value = automatic[name];
  }

  /** The strengths that Auto stands for, where the server tells them. */
  function setAuto(values) {
    automatic = values ?? {};
    showAuto();
  }

  function settings() {
    const chosen = {
      scale: Number(scale.value), detail: detail.value,
      strengths: auto.control.checked || sliders.size === 0
        ? 'auto' : Object.fromEntries([...sliders].map(([name, entry]) => [name, Number(short(entry.value))])),
      seed: Math.max(0, Math.floor(seed.valueAsNumber || 0)),
    };
    if (model.value) chosen.model = model.value;
    if (evaluations.value) chosen.evaluations = Math.floor(evaluations.valueAsNumber);
    if (format.value) chosen.format = format.value;
    return chosen;
  }

  function setSettings(values) {
    if (values.model && models.some((entry) => entry.id === values.model)) {
      model.value = values.model;
      setStrengths();
    }
    if (values.scale) scale.value = String(values.scale);
    if (Number.isFinite(values.detail)) detail.value = values.detail;
    if (Number.isFinite(values.seed)) seed.value = values.seed;
    if (values.evaluations) evaluations.value = values.evaluations;
    format.value = values.format ?? '';
    auto.control.checked = typeof values.strengths !== 'object';
    if (!auto.control.checked) for (const [name, entry] of sliders) entry.value = values.strengths[name] ?? 0;
    showAuto();
  }

  return { element, setModels, setAuto, settings, setSettings, get hasModel() { return models.length > 0; } };
}
