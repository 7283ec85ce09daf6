// The view Doctor: facts about this machine and checks of it.

import * as api from './api.js';
import { button, bytes, facts, h, showProblem } from './dom.js';

export function doctorView() {
  const problem = h('div', { hidden: true });
  const machine = h('div');
  const storage = h('div');
  const checks = h('ul', { class: 'checks' });
  const verdict = h('p', { role: 'status' });
  const again = button('Check again', load);
  let loaded = false;
  const element = h('section', { class: 'view doctor', 'aria-labelledby': 'doctor-title' },
    h('h1', { id: 'doctor-title', class: 'sr', text: 'Doctor' }),
    h('div', { class: 'workspace' }, h('div', { class: 'row between' }, h('h2', { text: 'Checks' }), again), verdict, checks, problem),
    h('aside', { class: 'panel', 'aria-label': 'This machine' }, h('h2', { text: 'This machine' }), machine, h('h2', { text: 'Data folder' }), storage));

  async function load() {
    again.disabled = true;
    verdict.textContent = 'Checking …';
    try {
      const [status, report] = await Promise.all([api.get('/status'), api.get('/doctor')]);
      showProblem(problem, null);
      showStorage(status);
      machine.replaceChildren(facts(report.facts.map(({ name, value }) => [name, value])));
      const failed = report.checks.filter((check) => !check.ok).length;
      verdict.textContent = failed ? `${failed} of ${report.checks.length} checks failed.` : 'All checks passed.';
      checks.replaceChildren(...report.checks.map((check) => h('li', { class: check.ok ? 'ok' : 'failed' },
        h('span', { class: 'mark', text: check.ok ? 'ok' : 'failed' }), h('span', { text: check.name }),
        check.detail ? h('small', { text: check.detail }) : null)));
    } catch (error) {
      verdict.textContent = '';
      showProblem(problem, error);
    }
    again.disabled = false;
  }

  function showStorage(status) {
    const meter = h('meter', { min: 0, max: status.data_limit_bytes, value: status.data_bytes, 'aria-label': 'Data folder in use' });
    storage.replaceChildren(h('p', { text: `${bytes(status.data_bytes)} of ${bytes(status.data_limit_bytes)} in use` }), meter,
      h('p', { class: 'hint', text: 'Pictures, results, data sets and runs. Remove jobs, data sets and runs to make room.' }));
  }

  async function show() {
    if (loaded) return;
    loaded = true;
    await load();
  }

  return { element, show, hide: () => {} };
}
