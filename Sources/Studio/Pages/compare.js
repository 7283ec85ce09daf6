// Before and after, in one place: a divider that is dragged, and zoom and pan that move both.

import { Stage, picture } from './stage.js';
import { field, h } from './dom.js';

/** @returns {{element: HTMLElement, show: (before: string, after: string, width: number, height: number) => void}} */
export function compareView() {
  const stage = new Stage('Before and after');
  const handle = h('div', { class: 'divider', 'data-own-drag': '' }, h('span', { class: 'divider-grip' }));
  const range = h('input', { type: 'range', min: 0, max: 100, step: 0.5, on: { input: () => place() } });
  range.value = 50;
  const tags = [h('span', { class: 'tag before', text: 'Before' }), h('span', { class: 'tag after', text: 'After' })];
  let afterLayer = null;

  handle.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener('pointermove', (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = stage.view.getBoundingClientRect();
    range.value = (100 * (event.clientX - box.left)) / box.width;
    place();
  });

  function place() {
    const share = range.valueAsNumber;
    handle.style.left = `${share}%`;
    range.setAttribute('aria-valuetext', `${Math.round(share)} % of the width shows the picture before`);
    if (afterLayer) afterLayer.style.clipPath = `inset(0 0 0 ${share}%)`;
  }

  function show(before, after, width, height) {
    stage.clear();
    stage.addLayer(picture(before, 'Before'));
    afterLayer = stage.addLayer(picture(after, 'After'), 'above');
    stage.view.append(handle, ...tags);
    stage.setSize(width, height);
    place();
  }

  const element = h('div', { class: 'compare' }, stage.element, field('Before and after', range));
  return { element, show, stage };
}
