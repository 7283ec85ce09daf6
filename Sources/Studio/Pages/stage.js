// A picture on neutral grey that can be zoomed and panned: by wheel, by two fingers, by dragging, by keys.

import { button, h } from './dom.js';

const MOST = 32;

export class Stage extends EventTarget {
  /** @param {string} label what screen readers call it */
  constructor(label) {
    super();
    this.width = this.height = 1;
    this.scale = 1;
    this.x = this.y = 0;
    this.fitted = true;
    this.pointers = new Map();
    this.view = h('div', {
      class: 'stage-view', tabIndex: 0, role: 'group', 'aria-label': label,
      'aria-description': 'Plus and minus zoom, arrow keys pan, 0 fits, 1 shows pixels as they are.',
    });
    this.zoomText = h('output', { class: 'zoom', text: '' });
    this.tools = h('div', { class: 'stage-tools' },
      button('−', () => this.zoom(1 / 1.5), { 'aria-label': 'Zoom out', class: 'small' }), this.zoomText,
      button('+', () => this.zoom(1.5), { 'aria-label': 'Zoom in', class: 'small' }),
      button('Fit', () => this.fit(), { class: 'small' }), button('1:1', () => this.zoomTo(1 / devicePixelRatio), { class: 'small', 'aria-label': 'Pixels as they are' }));
    this.element = h('div', { class: 'stage' }, this.view, this.tools);
    this.listen();
    new ResizeObserver(() => (this.fitted ? this.fit() : this.place())).observe(this.view);
  }

  /** The size of the content in its own pixels. */
  setSize(width, height) {
    [this.width, this.height] = [Math.max(1, width), Math.max(1, height)];
    this.fit();
  }

  /** Adds a picture that fills the content; returns its layer, which covers the view. */
  addLayer(content, className = '') {
    content.classList.add('stage-content');
    const layer = h('div', { class: `stage-layer ${className}` }, content);
    this.view.append(layer);
    this.place();
    return layer;
  }

  clear() {
    this.view.replaceChildren();
  }

  get fitScale() {
    const { clientWidth, clientHeight } = this.view;
    return Math.max(1e-4, Math.min(clientWidth / this.width, clientHeight / this.height, 16));
  }

  fit() {
    this.scale = this.fitScale;
    this.x = (this.view.clientWidth - this.width * this.scale) / 2;
    this.y = (this.view.clientHeight - this.height * this.scale) / 2;
    this.fitted = true;
    this.place();
  }

  zoom(factor, centre) {
    this.zoomTo(this.scale * factor, centre);
  }

  /** Zooms so that the point of the view at `centre` stays where it is. */
  zoomTo(scale, centre = { x: this.view.clientWidth / 2, y: this.view.clientHeight / 2 }) {
    const bounded = Math.min(MOST, Math.max(Math.min(this.fitScale, 1) / 2, scale));
    this.x = centre.x - (centre.x - this.x) * (bounded / this.scale);
    this.y = centre.y - (centre.y - this.y) * (bounded / this.scale);
    this.scale = bounded;
    this.fitted = false;
    this.place();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.place();
  }

  /** A point of the window in pixels of the content. */
  contentPoint({ clientX, clientY }) {
    const box = this.view.getBoundingClientRect();
    return { x: (clientX - box.left - this.x) / this.scale, y: (clientY - box.top - this.y) / this.scale };
  }

  place() {
    const { clientWidth, clientHeight } = this.view;
    const [wide, high] = [this.width * this.scale, this.height * this.scale];
    this.x = Math.min(clientWidth - Math.min(40, wide), Math.max(Math.min(40, wide) - wide, this.x));
    this.y = Math.min(clientHeight - Math.min(40, high), Math.max(Math.min(40, high) - high, this.y));
    for (const content of this.view.querySelectorAll('.stage-content')) {
      content.style.width = `${wide}px`;
      content.style.height = `${high}px`;
      content.style.transform = `translate(${this.x}px, ${this.y}px)`;
      content.classList.toggle('pixels', this.scale * devicePixelRatio >= 3);
    }
    const percent = 100 * this.scale * devicePixelRatio;
    this.zoomText.textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
    this.dispatchEvent(new Event('change'));
  }

  listen() {
    const { view } = this;
    view.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), this.viewPoint(event));
    }, { passive: false });
    view.addEventListener('pointerdown', (event) => {
      if (event.target.closest('[data-own-drag]') || event.button > 0) return;
      view.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, this.viewPoint(event));
    });
    view.addEventListener('pointermove', (event) => this.move(event));
    for (const end of ['pointerup', 'pointercancel']) view.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    view.addEventListener('keydown', (event) => this.key(event));
    view.addEventListener('dblclick', (event) => (this.fitted ? this.zoom(3, this.viewPoint(event)) : this.fit()));
  }

  viewPoint({ clientX, clientY }) {
    const box = this.view.getBoundingClientRect();
    return { x: clientX - box.left, y: clientY - box.top };
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const now = this.viewPoint(event);
    const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (other) {
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      const before = Math.hypot(last.x - other.x, last.y - other.y);
      this.zoom(Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, before), middle);
      this.pan((now.x - last.x) / 2, (now.y - last.y) / 2);
    } else {
      this.pan(now.x - last.x, now.y - last.y);
    }
    this.pointers.set(event.pointerId, now);
  }

  key(event) {
    if (event.target !== this.view || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 160 : 40;
    const actions = {
      '+': () => this.zoom(1.25), '=': () => this.zoom(1.25), '-': () => this.zoom(0.8), 0: () => this.fit(),
      1: () => this.zoomTo(1 / devicePixelRatio), ArrowLeft: () => this.pan(step, 0), ArrowRight: () => this.pan(-step, 0),
      ArrowUp: () => this.pan(0, step), ArrowDown: () => this.pan(0, -step),
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  }
}

/** A picture for a stage: dragging it pans, and does not drag the file. What the browser cannot show, such as a TIFF, is left out. */
export function picture(src, alt) {
  return h('img', { src, alt, draggable: false, decoding: 'async', on: { error: (event) => (event.target.hidden = true) } });
}
