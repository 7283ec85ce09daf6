// What sampling starts from: noise, a picture that is varied, or a picture of which a part is repainted.

import * as api from './api.js';
import { paintMask } from './brush.js';
import { dropZone, recall } from './pictures.js';
import { button, h, showProblem, slider } from './dom.js';

export function startPicture() {
  let picture = null;
  let painted = null;
  const thumb = h('img', { alt: 'The start picture', class: 'thumb' });
  const strength = slider('Strength', {
    min: 0.05, max: 1, step: 0.05, value: 0.6, hint: 'Near 0 hardly anything changes, at 1 all of it.',
  });
  const problem = h('div', { hidden: true });
  const maskState = h('p', { class: 'hint', role: 'status' });
  const maskRow = h('div', { class: 'stack tight' }, button('Paint the mask', paint), maskState);
  const modes = ['vary', 'inpaint'].map((mode) => h('input', { type: 'radio', name: 'start-mode', value: mode, on: { change: show } }));
  modes[0].checked = true;
  const zone = dropZone({ title: 'Start from a picture', text: 'Or choose “Vary” on a sampled image.', many: false, use: ([file]) => take(file) });
  const chosen = h('div', { class: 'stack tight', hidden: true },
    h('div', { class: 'row first' }, thumb,
      h('fieldset', { class: 'grow' }, h('legend', { text: 'Start picture' }),
        h('label', { class: 'check' }, modes[0], h('span', { text: 'Vary all of it' })),
        h('label', { class: 'check' }, modes[1], h('span', { text: 'Repaint a part' })),
        button('Remove', clear, { class: 'small' }))),
    strength.element, maskRow);
  const element = h('div', { class: 'stack tight' }, zone, chosen, problem);

  const mode = () => modes.find((entry) => entry.checked).value;

  async function take(file) {
    await guard(async () => set(await api.upload(file), 'vary'));
  }

  /** Takes an image of a result. */
  async function takeResult({ url, name }, nextMode) {
    await guard(async () => set(await api.uploadResult(url, name), nextMode));
    if (picture && nextMode === 'inpaint') await paint();
  }

  async function guard(work) {
    showProblem(problem, null);
    try {
      await work();
    } catch (error) {
      showProblem(problem, error);
    }
  }

  function set(uploaded, nextMode) {
    picture = uploaded;
    painted = null;
    thumb.src = api.pictureView(picture.id, 256);
    modes.forEach((entry) => (entry.checked = entry.value === nextMode));
    show();
  }

  async function paint() {
    await guard(async () => {
      const result = await paintMask(api.pictureView(picture.id, Math.max(picture.width, picture.height, 64)), painted?.strokes);
      if (!result) return;
      const mask = await api.upload(result.mask);
      painted = { ...result, id: mask.id };
      show();
    });
  }

  function clear() {
    picture = painted = null;
    show();
  }

  function show() {
    zone.hidden = Boolean(picture);
    chosen.hidden = !picture;
    strength.element.hidden = mode() !== 'vary';
    maskRow.hidden = mode() !== 'inpaint';
    maskRow.firstChild.textContent = painted ? 'Change the mask' : 'Paint the mask';
    maskState.textContent = painted ? 'The painted part will be replaced.' : 'Nothing is painted yet.';
  }

  /** The part of the request; throws what is missing. */
  function settings() {
    if (!picture) return {};
    if (mode() === 'vary') return { init: { picture: picture.id, strength: strength.value } };
    if (!painted) throw { detail: 'no part of the picture is painted', hint: 'choose “Paint the mask”, or “Vary all of it”' };
    return { inpaint: { picture: picture.id, mask: painted.id } };
  }

  async function setSettings({ init, inpaint }) {
    const id = init?.picture ?? inpaint?.picture;
    if (!id) return clear();
    await guard(async () => {
      set(await recall(id), init ? 'vary' : 'inpaint');
      if (init) strength.value = init.strength;
      if (inpaint) painted = { id: inpaint.mask, strokes: [] };
      show();
    });
  }

  show();
  return { element, settings, setSettings, takeResult };
}
