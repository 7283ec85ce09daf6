// The detail of a picture that is restored while its settings are chosen: a box on the picture, and what it becomes.

import * as api from './api.js';
import { debounce, h, showProblem } from './dom.js';
import { loadImage } from './pictures.js';

const SIZE = 192;

/**
 * @param {import('./stage.js').Stage} stage shows the picture
 * @param {() => object} settings of the restoration
 */
export function detailPreview(stage, settings) {
  const box = h('div', {
    class: 'detail-box', tabIndex: 0, role: 'group', 'data-own-drag': '', 'aria-label': 'Detail that is previewed',
    'aria-description': 'Arrow keys move it, with Shift farther.', hidden: true,
  });
  const before = h('canvas', { width: SIZE, height: SIZE, role: 'img', 'aria-label': 'The detail before' });
  const after = h('img', { alt: 'The detail restored', width: SIZE, height: SIZE, draggable: false });
  const state = h('span', { class: 'hint', role: 'status' });
  const problem = h('div', { hidden: true });
  const element = h('section', { class: 'details', 'aria-label': 'Detail' },
    h('figure', {}, before, h('figcaption', { text: 'Before' })),
    h('figure', {}, after, h('figcaption', {}, 'Restored ', state)), problem);
  let picture = null;
  let source = null;
  let corner = { x: 0, y: 0 };
  let abort = null;
  let shown = null;

  stage.addEventListener('change', place);
  after.hidden = true;

  /** Its side in pixels of the result, and in those of the picture. */
  function sides() {
    const { scale = 1 } = settings();
    const size = Math.max(16, Math.min(SIZE, Math.floor(picture.width * scale), Math.floor(picture.height * scale)));
    return { scale, size, side: size / scale };
  }

  /** Shows another picture; its middle is the first detail. */
  async function setPicture(next, address) {
    picture = next;
    source = null;
    abort?.abort();
    forget();
    box.hidden = !picture;
    if (!picture) return;
    stage.view.append(box);
    const { side } = sides();
    corner = { x: (picture.width - side) / 2, y: (picture.height - side) / 2 };
    place();
    source = await loadImage(address).catch(() => loadImage(api.pictureView(next.id))).catch(() => null);
    if (picture === next) refresh();
  }

  function forget() {
    if (shown) URL.revokeObjectURL(shown);
    shown = null;
    after.hidden = true;
    after.removeAttribute('src');
  }

  function move(x, y) {
    const { side } = sides();
    corner = { x: Math.round(clamp(x, picture.width - side)), y: Math.round(clamp(y, picture.height - side)) };
    place();
    refresh();
  }

  function place() {
    if (!picture || box.hidden) return;
    const { side } = sides();
    corner = { x: clamp(corner.x, picture.width - side), y: clamp(corner.y, picture.height - side) };
    box.style.left = `${stage.x + corner.x * stage.scale}px`;
    box.style.top = `${stage.y + corner.y * stage.scale}px`;
    box.style.width = box.style.height = `${side * stage.scale}px`;
  }

  function drawBefore() {
    const context = before.getContext('2d');
    context.clearRect(0, 0, SIZE, SIZE);
    if (!source) return;
    const { side } = sides();
    const ratio = source.naturalWidth / picture.width;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'high';
    context.drawImage(source, corner.x * ratio, corner.y * ratio, side * ratio, side * ratio, 0, 0, SIZE, SIZE);
  }

  const ask = debounce(async () => {
    if (!picture?.id) return;
    abort?.abort();
    abort = new AbortController();
    const mine = abort;
    const { size, scale } = sides();
    const { format, ...rest } = settings();
    state.textContent = '· computing';
    try {
      const body = { ...rest, picture: picture.id, x: Math.round(corner.x * scale), y: Math.round(corner.y * scale), size };
      const blob = await api.detail(body, mine.signal);
      if (mine !== abort || !blob) return;
      forget();
      shown = URL.createObjectURL(blob);
      after.src = shown;
      after.hidden = false;
      showProblem(problem, null);
      state.textContent = '';
    } catch (error) {
      if (mine !== abort) return;
      state.textContent = '';
      showProblem(problem, error);
    }
  }, 250);

  /** Asks for the detail again, for other settings or another place. */
  function refresh() {
    if (!picture) return;
    place();
    drawBefore();
    ask();
  }

  let grip = null;
  box.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    box.focus();
    box.setPointerCapture(event.pointerId);
    const at = stage.contentPoint(event);
    grip = { x: at.x - corner.x, y: at.y - corner.y };
  });
  box.addEventListener('pointermove', (event) => {
    if (!grip) return;
    const at = stage.contentPoint(event);
    move(at.x - grip.x, at.y - grip.y);
  });
  for (const end of ['pointerup', 'pointercancel']) box.addEventListener(end, () => (grip = null));
  box.addEventListener('keydown', (event) => {
    const step = event.shiftKey ? 64 : 8;
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (!ways[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    move(corner.x + ways[event.key][0], corner.y + ways[event.key][1]);
  });

  return { element, setPicture, refresh, setVisible: (visible) => { box.hidden = !visible || !picture; place(); } };
}

const clamp = (value, most) => Math.max(0, Math.min(Math.max(0, most), value));
