// Requests to the server: JSON in and out, problem documents as errors.

const ROOT = '/api/v1';

/** Names this window, so that its newer details replace its own waiting ones alone. */
const client = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** What the server refused: its message is `detail`, what to do is `hint`. */
export class Problem extends Error {
  constructor(status, detail, hint) {
    super(detail);
    Object.assign(this, { status, detail, hint });
  }
}

export const get = (path, options) => request('GET', path, options).then(json);
export const post = (path, body, options) =>
  request('POST', path, { ...options, body: JSON.stringify(body ?? {}), type: 'application/json' }).then(json);
export const remove = (path) => request('DELETE', path);

/** Uploads a picture's bytes; returns what the server read of them. */
export function upload(file, name = file.name) {
  return request('POST', '/pictures', { body: file, type: pictureType(file), name }).then(json);
}

export function addToData(id, file, className) {
  const query = className ? `?class=${encodeURIComponent(className)}` : '';
  return request('POST', `/data/${id}/pictures${query}`, { body: file, type: pictureType(file), name: file.name }).then(json);
}

/** Uploads a result of the server as a picture, to start from. */
export async function uploadResult(url, name) {
  return upload(await (await request('GET', url)).blob(), name);
}

/** Bytes of the detail as restored. A newer call replaces a waiting one: then null. */
export async function detail(body, signal) {
  try {
    const response = await request('POST', '/details', { body: JSON.stringify({ ...body, client }), type: 'application/json', signal });
    return await response.blob();
  } catch (error) {
    if (error.status === 409 || error.name === 'AbortError') return null;
    throw error;
  }
}

export const pictureView = (id, size = 1600) => `${ROOT}/pictures/${id}/view?size=${size}`;
export const pictureFile = (id) => `${ROOT}/pictures/${id}`;
export const modelFile = (id) => `${ROOT}/models/${id}/file`;
export const dataSheet = (id) => `${ROOT}/data/${id}/sheet.png`;
export const runReport = (id) => `${ROOT}/runs/${id}/report`;
export const jobEvents = (id) => `${ROOT}/jobs/${id}/events`;

const pictureType = (file) => (file.type.startsWith('image/') ? file.type : 'application/octet-stream');
const json = (response) => (response.status === 204 ? null : response.json());

async function request(method, path, { body, type, name, signal } = {}, tries = 2) {
  const headers = { Accept: 'application/json, */*' };
  if (method !== 'GET') headers['X-Sfumato'] = '1';
  if (type) headers['Content-Type'] = type;
  if (name) headers['X-Filename'] = encodeURIComponent(name);
  const url = path.startsWith('/api/') ? path : ROOT + path;
  let response;
  try {
    response = await fetch(url, { method, headers, body, signal, credentials: 'same-origin' });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, 'the studio does not answer', 'it may have been stopped: start it again with `sfumato studio`');
  }
  if (response.ok) return response;
  if ((response.status === 429 || response.status === 503) && tries > 0 && method === 'GET') {
    await new Promise((done) => setTimeout(done, 1000 * Math.min(10, Number(response.headers.get('Retry-After')) || 1)));
    return request(method, path, { body, type, name, signal }, tries - 1);
  }
  throw await problem(response);
}

async function problem(response) {
  try {
    const { detail, title, hint } = await response.json();
    return new Problem(response.status, detail ?? title ?? `status ${response.status}`, hint);
  } catch {
    return new Problem(response.status, `the studio answered with status ${response.status}`);
  }
}
