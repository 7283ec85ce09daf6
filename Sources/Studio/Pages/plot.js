// How a training goes: its previews, and its losses as a curve drawn in SVG: the log's values, their smoothed course, and
// what is under the pointer.

import * as api from './api.js';
import { h, short, showProblem, svg } from './dom.js';

const HEIGHT = 280;
const EDGE = { left: 56, right: 12, top: 12, bottom: 44 };

/**
 * @returns {{element: HTMLElement, show: (lines: object[], other?: {name: string, lines: object[]}) => void}} lines of log.jsonl, by
 * step, and those of another run to compare with
 */
export function lossPlot() {
  const drawing = svg('svg', { class: 'plot', tabindex: '0', role: 'img' });
  const readout = h('p', { class: 'readout', text: ' ' });
  const legend = h('p', { class: 'legend hint' });
  const element = h('figure', { class: 'curve' }, legend, drawing, readout);
  let width = 640;
  let drawn = [[], null];
  let points = [];
  let at = null;
  let scales = null;
  const cross = svg('g', { class: 'cross' });

  new ResizeObserver(() => drawing.clientWidth && drawing.clientWidth !== width && show(...drawn)).observe(drawing);

  function show(lines, other = null) {
    drawn = [lines, other];
    width = drawing.clientWidth || width;
    drawing.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    points = lines.filter(isPoint);
    const others = other?.lines.filter(isPoint) ?? [];
    const smooth = smoothed(points.map((line) => line.loss));
    const heldOut = points.filter((line) => Number.isFinite(line.validation_loss));
    drawing.replaceChildren();
    legend.replaceChildren(key('raw', 'loss'), key('smooth', 'smoothed'), heldOut.length ? key('held', 'held out') : '', others.length > 1 ? key('other', other.name) : '');
    if (points.length < 2) {
      drawing.setAttribute('aria-label', 'Loss: fewer than two values yet');
      readout.textContent = points.length ? `Loss ${short(points[0].loss)}; the curve begins with the second value.` : 'The curve begins with the second line of the log.';
      return;
    }
    const last = Math.max(points.at(-1).images, others.at(-1)?.images ?? 0);
    scales = scaling(width, last, [...[...points, ...others].map((line) => line.loss), ...heldOut.map((line) => line.validation_loss)]);
    axes();
    drawing.append(
      path('raw', points.map((line) => [line.images, line.loss])),
      smoothPath('smooth', points),
      ...(heldOut.length ? [path('held', heldOut.map((line) => [line.images, line.validation_loss]))] : []),
      ...(others.length > 1 ? [smoothPath('other', others)] : []), cross);
    drawing.setAttribute('aria-label', `Loss from ${short(smooth[0])} to ${short(smooth.at(-1))} after ${points.at(-1).images} images. Arrow keys read the values.`);
    point(at === null ? points.length - 1 : Math.min(at, points.length - 1), at !== null);
  }

  const key = (name, text) => h('span', { class: `key ${name}`, text });

  function smoothPath(name, list) {
    const values = smoothed(list.map((line) => line.loss));
    return path(name, list.map((line, index) => [line.images, values[index]]));
  }

  function path(name, values) {
    const steps = values.map(([x, y], index) => `${index ? 'L' : 'M'}${scales.x(x).toFixed(1)} ${scales.y(y).toFixed(1)}`);
    return svg('path', { class: `line ${name}`, d: steps.join('') });
  }

  function axes() {
    for (const value of scales.yTicks) {
      drawing.append(svg('line', { class: 'rule', x1: EDGE.left, x2: width - EDGE.right, y1: scales.y(value), y2: scales.y(value) }),
        label(EDGE.left - 8, scales.y(value) + 4, short(value), 'end'));
    }
    for (const value of scales.xTicks) drawing.append(label(scales.x(value), HEIGHT - 24, thousands(value), 'middle'));
    drawing.append(label(width - EDGE.right, HEIGHT - 6, 'images', 'end'));
  }

  function label(x, y, text, anchor) {
    const element = svg('text', { x, y, 'text-anchor': anchor });
    element.textContent = text;
    return element;
  }

  /** Reads the values of a line of the log. */
  function point(index, isMarked) {
    at = isMarked ? index : null;
    const line = points[index];
    readout.textContent = [
      `${line.images.toLocaleString('en')} images`, `loss ${short(line.loss)}`,
      Number.isFinite(line.validation_loss) && `held out ${short(line.validation_loss)}`,
      Number.isFinite(line.learning_rate) && `learning rate ${short(line.learning_rate).replace('-', '\u2011')}`,
      Number.isFinite(line.images_per_second) && `${short(line.images_per_second)} images/s`,
    ].filter(Boolean).join(' · ');
    cross.replaceChildren();
    if (!isMarked) return;
    const [x, y] = [scales.x(line.images), scales.y(line.loss)];
    cross.append(svg('line', { x1: x, x2: x, y1: EDGE.top, y2: HEIGHT - EDGE.bottom }), svg('circle', { cx: x, cy: y, r: 4 }));
  }

  drawing.addEventListener('pointermove', (event) => {
    if (points.length < 2) return;
    const box = drawing.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    const distances = points.map((line) => Math.abs(scales.x(line.images) - x));
    point(distances.indexOf(Math.min(...distances)), true);
  });
  drawing.addEventListener('pointerleave', () => points.length > 1 && point(points.length - 1, false));
  drawing.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || points.length < 2) return;
    event.preventDefault();
    point(Math.max(0, Math.min(points.length - 1, (at ?? points.length - 1) + step * (event.shiftKey ? 10 : 1))), true);
    drawing.setAttribute('aria-label', readout.textContent);
  });

  return { element, show };
}

/** An average that weighs a tenth of the curve, without the bias of its start. */
function smoothed(values) {
  const keep = 1 - 1 / Math.max(2, values.length / 12);
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return sum / weight;
  });
}

const isPoint = (line) => Number.isFinite(line.loss) && Number.isFinite(line.images);

function scaling(width, last, losses) {
  const first = 0;
  // The first losses of a training are far above the rest, which is what one wants to see.
  const sorted = [...losses].sort((a, b) => a - b);
  const top = sorted.length > 40 ? sorted[Math.floor(0.98 * sorted.length)] : sorted.at(-1);
  const yTicks = ticks(sorted[0], Math.max(top, sorted[0] * 1.001 + 1e-9), 5);
  const [low, high] = [Math.min(yTicks[0], sorted[0]), Math.max(yTicks.at(-1), top)];
  const clampY = (value) => Math.max(low, Math.min(high, value));
  return {
    x: (value) => EDGE.left + ((value - first) / Math.max(1, last - first)) * (width - EDGE.left - EDGE.right),
    y: (value) => HEIGHT - EDGE.bottom - ((clampY(value) - low) / (high - low || 1)) * (HEIGHT - EDGE.top - EDGE.bottom),
    xTicks: ticks(first, last, width < 420 ? 3 : 5), yTicks,
  };
}

/** Round numbers that span a range. */
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) values.push(Number(value.toPrecision(12)));
  return values.length ? values : [low, high];
}

const thousands = (value) => (value >= 1e6 ? `${short(value / 1e6)} M` : value >= 1e4 ? `${short(value / 1e3)} k` : short(value));

/** Curve and previews of a run. */
export function runProgress() {
  const plot = lossPlot();
  const previews = h('ol', { class: 'previews' });
  const previewPlace = h('section', { 'aria-label': 'Previews', hidden: true }, h('h3', { text: 'Previews' }), previews);
  const problem = h('div', { hidden: true });
  const element = h('div', { class: 'stack' }, plot.element, previewPlace, problem);
  let run = null;
  let lines = new Map();
  let readTo = -1;
  let other = null;
  let busy = false;

  /** Shows another run from its start, or its news. */
  async function show(id, live = []) {
    if (id !== run) {
      [run, lines, readTo] = [id, new Map(), -1];
      other = null;
      previews.replaceChildren();
      previewPlace.hidden = true;
      plot.show([]);
    }
    for (const line of live) lines.set(line.step, line);
    if (live.length) draw();
    if (busy || !id) return;
    busy = true;
    try {
      await Promise.all([readLog(id), readPreviews(id)]);
      showProblem(problem, null);
    } catch (error) {
      // A run that waits for its turn has no folder yet.
      if (error.status !== 404) showProblem(problem, error);
    }
    busy = false;
  }

  function draw() {
    plot.show([...lines.values()].sort((a, b) => a.step - b.step), other);
  }

  async function readLog(id) {
    const answer = await api.get(`/runs/${id}/log${readTo >= 0 ? `?after=${readTo}` : ''}`);
    if (id !== run || !answer.lines.length) return;
    for (const line of answer.lines) lines.set(line.step, line);
    readTo = answer.lines.at(-1).step;
    draw();
  }

  /** Draws the curve of another run beside; none where `id` is empty. */
  async function compare(id, name) {
    try {
      other = id ? { name, lines: (await api.get(`/runs/${id}/log`)).lines } : null;
      draw();
    } catch (error) {
      showProblem(problem, error);
    }
  }

  async function readPreviews(id) {
    const answer = await api.get(`/runs/${id}/previews`);
    if (id !== run) return;
    previewPlace.hidden = answer.previews.length === 0;
    const shown = answer.previews.slice(-12).reverse();
    if ([...previews.querySelectorAll('img')].map((image) => image.getAttribute('src')).join() === shown.map(({ url }) => url).join()) return;
    previews.replaceChildren(...shown.map(({ step, url }) => h('li', {},
      h('a', { href: url, target: '_blank', rel: 'noopener', 'aria-label': `Preview after ${step} images, larger` },
        h('img', { src: url, alt: '', class: 'pixels', loading: 'lazy' })),
      h('span', { class: 'caption', text: `${step.toLocaleString('en')} images` }))));
  }

  return { element, show, compare };
}
