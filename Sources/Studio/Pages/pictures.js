// Choosing and dropping pictures, also whole folders, and what is known of those that were uploaded.

import * as api from './api.js';
import { button, h } from './dom.js';

/**
 * A place to drop pictures on, with buttons to choose them.
 * `use` receives files; those from a folder have `folder`, the name of the one that holds them.
 */
export function dropZone({ title, text, many = true, folders = false, use }) {
  const input = h('input', { type: 'file', accept: 'image/*,.tif,.tiff,.pgm,.ppm', multiple: many, hidden: true, 'aria-label': title });
  const folderInput = h('input', { type: 'file', webkitdirectory: true, hidden: true, 'aria-label': `${title}: a folder` });
  for (const control of [input, folderInput]) {
    control.addEventListener('change', () => {
      const chosen = [...control.files].map(withFolder).filter(isPicture);
      control.value = '';
      if (chosen.length) use(chosen);
    });
  }
  const element = h('div', { class: 'drop' },
    h('p', { class: 'drop-title', text: title }), text ? h('p', { class: 'hint', text }) : null,
    h('div', { class: 'row centre' },
      button(many ? 'Choose pictures' : 'Choose a picture', () => input.click()),
      folders ? button('Choose a folder', () => folderInput.click()) : null),
    input, folderInput);
  acceptDrops(element, (files) => use(many ? files : files.slice(0, 1)));
  return element;
}

/** Lets pictures be dropped on an element. */
export function acceptDrops(element, use) {
  let depth = 0;
  const over = (change) => {
    depth = Math.max(0, depth + change);
    element.classList.toggle('over', depth > 0);
  };
  element.addEventListener('dragenter', (event) => { event.preventDefault(); over(1); });
  element.addEventListener('dragleave', () => over(-1));
  element.addEventListener('dragover', (event) => event.preventDefault());
  element.addEventListener('drop', async (event) => {
    // Where one place lies within another, both end their marking and the inner one takes the files.
    const isTaken = event.defaultPrevented;
    event.preventDefault();
    depth = 0;
    over(0);
    if (isTaken) return;
    const files = (await droppedFiles(event.dataTransfer)).filter(isPicture);
    if (files.length) use(files);
  });
}

async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const files = [];
  for (const entry of entries) await walk(entry, '', files);
  return files;
}

async function walk(entry, folder, files) {
  if (entry.isFile) {
    const file = await new Promise((done, fail) => entry.file(done, fail));
    files.push(Object.assign(file, { folder }));
    return;
  }
  const reader = entry.createReader();
  // A reader hands out a hundred entries at a time.
  for (;;) {
    const entries = await new Promise((done, fail) => reader.readEntries(done, fail));
    if (!entries.length) return;
    for (const child of entries) await walk(child, entry.name, files);
  }
}

function withFolder(file) {
  const parts = (file.webkitRelativePath ?? '').split('/');
  return Object.assign(file, { folder: parts.length > 2 ? parts.at(-2) : '' });
}

const isPicture = (file) => file.type.startsWith('image/') || /\.(tiff?|p[gpn]m|webp|jpe?g|png)$/i.test(file.name);

// ---- Uploaded pictures

/** What the server read of an uploaded picture: its name, and its size with the camera's orientation applied. */
export const recall = (id) => api.get(`/pictures/${id}/facts`);

export function loadImage(src) {
  return new Promise((done, fail) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => fail(new Error('the picture cannot be shown'));
    image.src = src;
  });
}
