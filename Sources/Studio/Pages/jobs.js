// The jobs as the server has them. Every window asks for the list; the one job that computes is followed by its events.

import * as api from './api.js';

const POLL = 2000;
const ended = new Set(['finished', 'failed', 'cancelled', 'interrupted']);
const listeners = new Set();
const failures = new Set();
let list = [];
let stream = null;
let timer = null;
let asked = 0;

export const isOver = (job) => ended.has(job.state);
export const all = () => list;
export const find = (id) => list.find((job) => job.id === id);

/** Calls `listener(jobs)` now and at each change; returns what ends that. */
export function subscribe(listener) {
  listeners.add(listener);
  listener(list);
  return () => listeners.delete(listener);
}

/** Calls `listener(error)` when the server stops answering, and with null when it answers again. */
export function onConnection(listener) {
  failures.add(listener);
}

export function start() {
  document.addEventListener('visibilitychange', () => (document.hidden ? pause() : refresh()));
  addEventListener('pagehide', pause);
  return refresh();
}

/** Starts a job; returns it once the server accepted it. */
export async function submit(settings) {
  const job = await api.post('/jobs', settings);
  list = [job, ...list.filter((other) => other.id !== job.id)];
  publish();
  refresh();
  return job;
}

export const cancel = (id) => changed(api.post(`/jobs/${id}/cancel`));
export const resume = (id) => changed(api.post(`/jobs/${id}/resume`));

export async function discard(id) {
  await api.remove(`/jobs/${id}`);
  list = list.filter((job) => job.id !== id);
  publish();
}

async function changed(request) {
  const job = await request;
  if (job?.id) merge(job);
  refresh();
  return job;
}

/** Asks for the list; an answer that a newer question overtook is dropped. */
export async function refresh() {
  clearTimeout(timer);
  asked += 1;
  const question = asked;
  try {
    const { jobs } = await api.get('/jobs');
    if (question !== asked) return;
    list = jobs;
    failures.forEach((listener) => listener(null));
    publish();
  } catch (error) {
    failures.forEach((listener) => listener(error));
  }
  if (!document.hidden && question === asked) timer = setTimeout(refresh, POLL);
}

function pause() {
  clearTimeout(timer);
  close();
}

function publish() {
  follow(list.find((job) => job.state === 'running'));
  listeners.forEach((listener) => listener(list));
}

function merge(part) {
  list = list.map((job) => (job.id === part.id ? { ...job, ...part } : job));
  publish();
}

/** Lines of the log of a training that is followed, since the page began to follow it. */
const logs = new Map();
export const logOf = (id) => logs.get(id) ?? [];

function follow(job) {
  if (stream && stream.id === job?.id) return;
  close();
  if (!job || document.hidden) return;
  const source = new EventSource(api.jobEvents(job.id));
  stream = { id: job.id, source };
  const on = (name, use) => source.addEventListener(name, (event) => {
    const data = read(event.data);
    if (data && stream?.source === source) use(data);
  });
  on('progress', (data) => merge({ id: job.id, ...data }));
  on('preview', ({ url }) => merge({ id: job.id, preview: url }));
  on('log', (line) => {
    logs.set(job.id, [...logOf(job.id), line].slice(-5000));
    merge({ id: job.id });
  });
  on('state', (state) => {
    if (isOver(state)) {
      close();
      refresh();
    }
    merge(state);
  });
}

function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function close() {
  stream?.source.close();
  stream = null;
}
