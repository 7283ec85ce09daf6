// Painting a mask over a picture: what is painted is repainted by the model.

import { button, field, h, slider } from './dom.js';
import { loadImage } from './pictures.js';

/**
 * Opens a dialog and returns the mask as a PNG file of the picture's size, white where it was painted; null if it was closed.
 * @param {string} address of the picture
 */
export async function paintMask(address, strokes = []) {
  const image = await loadImage(address);
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const brush = new Brush(width, height, strokes);
  const size = slider('Brush size', {
    min: 1, max: Math.max(4, Math.round(Math.max(width, height) / 2)), step: 1, value: Math.max(2, Math.round(Math.max(width, height) / 7)),
    input: (value) => { brush.size = value; brush.draw(); },
  });
  brush.size = size.value;
  const tools = ['paint', 'erase'].map((tool) => h('label', { class: 'check' },
    h('input', { type: 'radio', name: 'brush-tool', checked: tool === 'paint', on: { change: () => (brush.tool = tool) } }),
    h('span', { text: tool === 'paint' ? 'Paint' : 'Erase' })));
  image.alt = '';
  image.classList.toggle('pixels', width < 256);
  const surface = h('div', { class: 'brush-surface' }, image, brush.canvas);
  surface.style.aspectRatio = `${width} / ${height}`;
  surface.style.setProperty('--ratio', width / height);
  const use = button('Use this mask', () => finish(true), { class: 'primary', disabled: strokes.length === 0 });
  const undo = button('Undo', () => brush.undo(), { disabled: strokes.length === 0 });
  brush.changed = () => { use.disabled = !brush.strokes.some((stroke) => stroke.tool === 'paint'); undo.disabled = !brush.strokes.length; };
  const dialog = h('dialog', { class: 'wide', 'aria-labelledby': 'brush-title', on: { cancel: (event) => { event.preventDefault(); finish(false); } } },
    h('h2', { id: 'brush-title', text: 'Paint what is to be replaced' }),
    h('div', { class: 'brush' }, surface,
      h('div', { class: 'stack' },
        h('fieldset', { class: 'row' }, h('legend', { text: 'Tool' }), tools), size.element,
        h('div', { class: 'row' }, undo, button('Clear', () => brush.clear())),
        h('p', { class: 'hint', text: 'With keys: arrows move the brush, the space bar paints, Z undoes.' }))),
    h('div', { class: 'row end' }, button('Close', () => finish(false)), use));
  document.body.append(dialog);
  dialog.showModal();
  brush.draw();

  let resolve;
  const result = new Promise((done) => (resolve = done));
  async function finish(isWanted) {
    const mask = isWanted ? await brush.mask() : null;
    dialog.close();
    dialog.remove();
    resolve(mask && { mask, strokes: brush.strokes });
  }
  return result;
}

class Brush {
  constructor(width, height, strokes) {
    Object.assign(this, { width, height, strokes: [...strokes], tool: 'paint', size: 4, stroke: null, changed: () => {} });
    this.cursor = { x: width / 2, y: height / 2 };
    this.hasKeys = false;
    // Masks of tiny pictures are painted on a finer canvas, so that the brush looks round.
    this.fine = Math.max(1, Math.min(16, Math.floor(640 / Math.max(width, height))));
    this.canvas = h('canvas', {
      width: width * this.fine, height: height * this.fine, tabIndex: 0, role: 'application', 'aria-label': 'Mask over the picture',
      'aria-description': 'Arrow keys move the brush, the space bar paints, Z undoes.',
    });
    this.listen();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.hasKeys = false;
      this.begin(this.point(event));
    });
    canvas.addEventListener('pointermove', (event) => {
      this.cursor = this.point(event);
      this.isOver = true;
      if (!this.stroke) return this.draw();
      for (const part of event.getCoalescedEvents?.() ?? [event]) this.stroke.points.push(this.point(part));
      this.draw();
    });
    for (const end of ['pointerup', 'pointercancel']) canvas.addEventListener(end, () => this.end());
    canvas.addEventListener('pointerleave', () => { this.isOver = false; this.draw(); });
    canvas.addEventListener('focus', () => { this.hasKeys = canvas.matches(':focus-visible'); this.draw(); });
    canvas.addEventListener('blur', () => { this.hasKeys = false; this.draw(); });
    canvas.addEventListener('keydown', (event) => this.key(event));
  }

  key(event) {
    const step = Math.max(1, Math.round(this.size / 3)) * (event.shiftKey ? 4 : 1);
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (ways[event.key]) {
      const [dx, dy] = ways[event.key];
      this.cursor = { x: Math.max(0, Math.min(this.width, this.cursor.x + dx)), y: Math.max(0, Math.min(this.height, this.cursor.y + dy)) };
    } else if (event.key === ' ') {
      this.begin(this.cursor);
      this.end();
    } else if (event.key.toLowerCase() === 'z') {
      this.undo();
    } else {
      return;
    }
    event.preventDefault();
    this.hasKeys = true;
    this.draw();
  }

  point({ clientX, clientY }) {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((clientX - box.left) / box.width) * this.width, y: ((clientY - box.top) / box.height) * this.height };
  }

  begin(point) {
    this.stroke = { tool: this.tool, size: this.size, points: [point] };
    this.strokes.push(this.stroke);
    this.draw();
  }

  end() {
    if (!this.stroke) return;
    this.stroke = null;
    this.changed();
  }

  undo() {
    this.strokes.pop();
    this.changed();
    this.draw();
  }

  clear() {
    this.strokes = [];
    this.changed();
    this.draw();
  }

  draw() {
    const context = this.canvas.getContext('2d');
    const color = getComputedStyle(this.canvas).color;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.paint(context, this.fine, color);
    if (!this.isOver && !this.hasKeys) return;
    context.lineWidth = Math.max(1, this.canvas.width / 400);
    context.strokeStyle = '#fff';
    context.beginPath();
    context.arc(this.cursor.x * this.fine, this.cursor.y * this.fine, (this.size / 2) * this.fine, 0, 2 * Math.PI);
    context.stroke();
  }

  paint(context, scale, color) {
    context.lineCap = context.lineJoin = 'round';
    for (const { tool, size, points } of this.strokes) {
      context.globalCompositeOperation = tool === 'erase' ? 'destination-out' : 'source-over';
      context.strokeStyle = color;
      context.lineWidth = size * scale;
      context.beginPath();
      context.moveTo(points[0].x * scale, points[0].y * scale);
      // A line of no length is drawn as a round dot.
      for (const { x, y } of points.length > 1 ? points.slice(1) : points) context.lineTo(x * scale, y * scale);
      context.stroke();
    }
    context.globalCompositeOperation = 'source-over';
  }

  /** Black and white alone: half covered pixels at a stroke's edge become one or the other. */
  async mask() {
    const canvas = h('canvas', { width: this.width, height: this.height });
    const context = canvas.getContext('2d');
    this.paint(context, 1, '#fff');
    const pixels = context.getImageData(0, 0, this.width, this.height);
    for (let at = 0; at < pixels.data.length; at += 4) {
      const value = pixels.data[at + 3] >= 128 ? 255 : 0;
      pixels.data.set([value, value, value, 255], at);
    }
    context.putImageData(pixels, 0, 0);
    const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
    return new File([blob], 'mask.png', { type: 'image/png' });
  }
}
