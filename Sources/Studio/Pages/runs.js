// The view Runs and models: lists, and what is known of the chosen one.

import * as api from './api.js';
import * as jobs from './jobs.js';
import { runProgress } from './plot.js';
import { button, bytes, count, duration, empty, facts, h, option, replaceRows, sentence, short, showProblem } from './dom.js';

const KINDS = { diffusion: 'Diffusion model', restoration: 'Restoration model', classifier: 'Classifier', upscaler: 'Upscaler' };

/** @param {() => Promise<void>} reloadModels asks the server for the models again, for all views */
export function runsView(reloadModels) {
  let models = [];
  let runs = [];
  let chosen = {};
  let visible = false;
  let finished = '';
  const runList = h('ul', { class: 'list' });
  const modelList = h('ul', { class: 'list' });
  const problem = h('div', { hidden: true });
  const place = h('div', { class: 'workspace', 'aria-live': 'polite' });
  const progress = runProgress();
  const nothing = empty('Nothing chosen', 'Choose a run to see how it went, or a model to see what it is.');
  const element = h('section', { class: 'view runs', 'aria-labelledby': 'runs-title' },
    h('h1', { id: 'runs-title', class: 'sr', text: 'Runs and models' }), place,
    h('aside', { class: 'panel', 'aria-label': 'Runs and models' },
      problem, h('h2', { text: 'Runs' }), runList, h('h2', { text: 'Models' }), modelList));

  function showLists() {
    replaceRows(runList, runs.length ? runs.map((run) => row('run', run.id, run.name,
      [run.state, count(run.step, 'step'), Number.isFinite(run.last_loss) && `loss ${short(run.last_loss)}`]))
      : [h('li', { class: 'hint' }, 'No run yet. ', h('a', { href: '#/train', text: 'Train a model' }))]);
    replaceRows(modelList, models.length ? models.map((model) => row('model', model.id, model.name,
      [KINDS[model.kind] ?? model.kind, model.origin, bytes(model.size_bytes)]))
      : [h('li', { class: 'hint', text: 'No model was found beside the program.' })]);
  }

  function row(kind, id, name, notes) {
    const isChosen = chosen[kind] === id;
    return h('li', { class: isChosen ? 'chosen' : '' },
      h('a', { class: 'pick', href: `#/runs?${kind}=${id}`, 'aria-label': `${sentence(kind)} ${name}`, 'aria-current': String(isChosen) }),
      h('strong', { class: 'clip', text: name }), h('small', { text: notes.filter(Boolean).join(' · ') }));
  }

  async function load() {
    try {
      const [answer] = await Promise.all([api.get('/runs'), reloadModels()]);
      runs = answer.runs;
      showProblem(problem, null);
    } catch (error) {
      showProblem(problem, error);
    }
    showLists();
  }

  async function showChosen() {
    const { model, run } = chosen;
    if (!model && !run) return place.replaceChildren(nothing);
    try {
      if (model) await showModel(model);
      else showRun(run);
    } catch (error) {
      place.replaceChildren(h('div', {}));
      showProblem(place.firstChild, error);
    }
  }

  async function showModel(id) {
    const model = await api.get(`/models/${id}`);
    if (chosen.model !== id) return;
    place.replaceChildren(
      h('h2', { text: model.name }),
      h('div', { class: 'row' },
        model.kind === 'diffusion' ? h('a', { class: 'button primary', href: `#/sample?model=${id}`, text: 'Sample from it' }) : null,
        h('a', { class: 'button', href: api.modelFile(id), download: `${model.name}.safetensors`, text: 'Download' }),
        runs.some((run) => run.id === id) ? h('a', { class: 'button', href: `#/runs?run=${id}`, text: 'Its run' }) : null),
      facts([
        ['Kind', KINDS[model.kind] ?? model.kind], ['From', model.origin], ['Images', `${model.width} × ${model.height}, ${model.channels === 1 ? 'grey' : `${model.channels} channels`}`],
        ['Parameters', model.parameters?.toLocaleString('en')], ['Size', bytes(model.size_bytes)], ['Classes', model.classes?.join(', ')],
        ['Strengths', model.strengths?.map(({ name }) => name).join(', ')], ['Sampler', model.sampler], ['Steps', model.steps], ['Guidance', model.guidance_scale],
      ]),
      provenance(model.provenance),
      h('h3', { text: 'Recipe' }), h('pre', { tabIndex: 0, 'aria-label': 'The recipe of the model', text: model.recipe ?? '' }));
  }

  function provenance(values) {
    const pairs = Object.entries(values ?? {}).map(([name, value]) => [sentence(name.replaceAll('_', ' ')), typeof value === 'object' ? JSON.stringify(value) : value]);
    return pairs.length ? h('div', { class: 'stack tight' }, h('h3', { text: 'Provenance' }), facts(pairs)) : h('div');
  }

  function showRun(id) {
    const run = runs.find((entry) => entry.id === id);
    if (!run) throw { detail: 'this run is not there', hint: 'it may have been removed' };
    const active = jobs.all().find((job) => job.run === id && !jobs.isOver(job));
    const mistake = h('div', { hidden: true });
    const act = (text, work, options) => button(text, async (event) => {
      event.currentTarget.disabled = true;
      try {
        await work();
        await load();
        await showChosen();
      } catch (error) {
        event.target.disabled = false;
        showProblem(mistake, error);
      }
    }, options);
    place.replaceChildren(
      h('h2', { text: run.name }),
      h('div', { class: 'row' },
        run.has_model !== false && models.some((model) => model.id === id) ? h('a', { class: 'button primary', href: `#/sample?model=${id}`, text: 'Sample from it' }) : null,
        run.has_report ? h('a', { class: 'button', href: api.runReport(id), target: '_blank', rel: 'noopener', text: 'Open the report' }) : null,
        models.some((model) => model.id === id) ? h('a', { class: 'button', href: `#/runs?model=${id}`, text: 'Its model' }) : null,
        active ? act('Stop and save', () => jobs.cancel(active.id))
          : run.state === 'stopped' ? act('Resume', () => jobs.submit({ kind: 'train', run: id })) : null,
        active ? null : act('Remove', () => api.remove(`/runs/${id}`), { 'aria-label': `Remove the run ${run.name} and its model` })),
      mistake,
      facts([
        ['State', run.state], ['Steps', run.step.toLocaleString('en')], ['Images', run.images.toLocaleString('en')],
        ['Time', run.seconds ? duration(run.seconds) : run.duration], ['Last loss', Number.isFinite(run.last_loss) ? short(run.last_loss) : ''],
      ]), compareChoice(id), progress.element);
    progress.show(id, active ? jobs.logOf(active.id) : []);
  }

  function compareChoice(id) {
    const others = runs.filter((run) => run.id !== id);
    if (!others.length) return h('div', { hidden: true });
    const select = h('select', { on: { change: () => progress.compare(select.value, select.selectedOptions[0].textContent) } },
      option('', 'no other run'), others.map((run) => option(run.id, run.name)));
    return h('div', { class: 'row' }, h('label', { class: 'inline' }, 'Compare with', select));
  }

  // A training that ends changes runs and models; one that goes on moves the curve.
  jobs.subscribe(async (list) => {
    const ends = list.filter((job) => job.kind === 'train').map((job) => `${job.id}${job.state}`).join();
    const hasEnded = ends !== finished;
    finished = ends;
    if (!visible) return;
    if (hasEnded) {
      await load();
      await showChosen();
    }
    const active = chosen.run && list.find((job) => job.run === chosen.run && job.state === 'running');
    if (active) progress.show(chosen.run, jobs.logOf(active.id));
  });

  async function show(parameters) {
    visible = true;
    chosen = { model: parameters.model, run: parameters.run };
    showLists();
    await load();
    await showChosen();
  }

  return { element, show, hide: () => { visible = false; }, setModels: (list) => { models = list; showLists(); } };
}
