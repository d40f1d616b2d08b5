import { implement, ORPCError, ValidationError } from '@orpc/server';
import type { z } from 'zod';
import { contract } from '../../shared/contract/contract.ts';
import { userPathsIn } from '../../shared/contract/user-path.ts';
import { type ErrorRecord, StrataError, toStrataError } from '../../shared/errors.ts';
import { namedAsSent } from './context.ts';
import { PathGrants } from './path-grants.ts';
import type { Studio } from './studio.ts';

/**
 * The contract's calls over a studio, for any transport. Arguments are parsed before they arrive, and paths among them must be among what the
 * user has chosen; errors travel as `STRATA`.
 * @param grants what the host's user has chosen; nothing unless said.
 */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- the type is the contract's, inferred
export function createRouter(studio: Studio, grants = new PathGrants(studio.home)) {
  const api = implement(contract).use(async ({ next, procedure }, input) => {
    try {
      await refuseUnchosen(studio, grants, procedure['~orpc'].inputSchema as z.ZodType | undefined, input);
      return await next();
    } catch (error) {
      throw asContractError(error, studio.home);
    }
  });
  const told = <Event>(events: AsyncIterable<Event>): AsyncGenerator<Event, void> => toldIn(studio.home, events);
  const {
    models,
    downloads,
    exports,
    datasets,
    dataChecks,
    datasetDocuments,
    datasetSamples,
    datasetTokens,
    imports,
    lines,
    nextDomains,
    planner,
    runs,
    queue,
    copies,
    recipes,
    history,
    comparison,
    runExport,
    selfReplay,
    suites,
    suiteChanges,
    text,
    packs,
    gates,
  } = studio;
  return api.router({
    workspace: {
      info: api.workspace.info.handler(() => studio.info()),
      paths: api.workspace.paths.handler(() => grants.shown),
      addSamples: api.workspace.addSamples.handler(() => studio.addSamples()),
    },
    engines: {
      list: api.engines.list.handler(() => studio.engines()),
      packs: {
        list: api.engines.packs.list.handler(() => studio.enginePacks.list()),
        install: api.engines.packs.install.handler(({ input: { path, ...request } }) =>
          studio.enginePacks.install({ ...request, ...(path !== undefined && { source: { path } }) }),
        ),
        watch: api.engines.packs.watch.handler(({ input, signal }) => told(studio.enginePacks.watch(input, signal))),
        cancel: api.engines.packs.cancel.handler(({ input }) => studio.enginePacks.cancel(input)),
        remove: api.engines.packs.remove.handler(({ input }) => studio.enginePacks.remove(input)),
      },
    },
    models: {
      list: api.models.list.handler(() => models.list()),
      show: api.models.show.handler(({ input }) => models.show(input.model)),
      import: api.models.import.handler(({ input }) => models.import(input)),
      recognise: api.models.recognise.handler(({ input }) => models.recognise(input)),
      expand: api.models.expand.handler(({ input }) => planner.expand(input)),
      plan: api.models.plan.handler(({ input }) => planner.plan(input)),
      planBasis: api.models.planBasis.handler(({ input }) => planner.basis(input.model)),
      importance: api.models.importance.handler(({ input }) => planner.importance(input)),
      measureImportance: api.models.measureImportance.handler(({ input, signal }) => told(planner.follow(input, signal))),
      verify: api.models.verify.handler(({ input }) => models.verify(input)),
      export: api.models.export.handler(({ input, signal }) => told(exports.follow(input, signal))),
      exportSizes: api.models.exportSizes.handler(({ input }) => exports.sizes(input)),
      remove: api.models.remove.handler(({ input }) => models.remove(input)),
      bin: api.models.bin.handler(() => models.bin.list()),
      restore: api.models.restore.handler(({ input }) => models.restore(input)),
      purge: api.models.purge.handler(({ input }) => models.bin.purge(input.item)),
    },
    packs: {
      list: api.packs.list.handler(({ input }) => packs.list(input)),
      prove: api.packs.prove.handler(({ input }) => packs.prove(input)),
      compose: api.packs.compose.handler(({ input }) => packs.compose(input)),
      evaluateGate: api.packs.evaluateGate.handler(({ input, signal }) => told(gates.follow(input, signal))),
    },
    catalogue: { list: api.catalogue.list.handler(() => downloads.catalogue()) },
    downloads: {
      list: api.downloads.list.handler(() => downloads.list()),
      start: api.downloads.start.handler(({ input }) => downloads.start(input)),
      watch: api.downloads.watch.handler(({ input, signal }) => downloads.watch(input, signal)),
      cancel: api.downloads.cancel.handler(({ input }) => downloads.cancel(input)),
      remove: api.downloads.remove.handler(({ input }) => downloads.remove(input)),
    },
    datasets: {
      list: api.datasets.list.handler(() => datasets.list()),
      show: api.datasets.show.handler(({ input }) => datasets.show(input)),
      documents: api.datasets.documents.handler(({ input }) => datasetDocuments.range(input)),
      search: api.datasets.search.handler(({ input }) => datasetDocuments.search(input)),
      tokenCounts: api.datasets.tokenCounts.handler(({ input }) => datasetTokens.counts(input)),
      inspect: api.datasets.inspect.handler(({ input, signal }) => datasets.inspect(input, signal)),
      imports: {
        list: api.datasets.imports.list.handler(() => imports.list()),
        start: api.datasets.imports.start.handler(({ input }) => imports.start(input)),
        watch: api.datasets.imports.watch.handler(({ input, signal }) => told(imports.watch(input, signal))),
        cancel: api.datasets.imports.cancel.handler(({ input }) => imports.cancel(input)),
        resume: api.datasets.imports.resume.handler(({ input }) => imports.resume(input)),
        remove: api.datasets.imports.remove.handler(({ input }) => imports.remove(input)),
      },
      selfReplay: api.datasets.selfReplay.handler(({ input, signal }) => told(selfReplay.follow(input, signal))),
      tokens: api.datasets.tokens.handler(({ input }) => datasetTokens.of(input)),
      remove: api.datasets.remove.handler(({ input }) => datasets.remove(input)),
      bin: api.datasets.bin.handler(() => datasets.bin.list()),
      restore: api.datasets.restore.handler(({ input }) => datasets.restore(input)),
      purge: api.datasets.purge.handler(({ input }) => datasets.bin.purge(input.item)),
      check: api.datasets.check.handler(({ input, signal }) => told(dataChecks.followCheck(input, signal))),
      drop: api.datasets.drop.handler(({ input }) => dataChecks.drop(input)),
      sample: api.datasets.sample.handler(({ input }) => datasetSamples.make(input)),
      distance: api.datasets.distance.handler(({ input, signal }) => told(dataChecks.followDistance(input, signal))),
    },
    lines: {
      list: api.lines.list.handler(() => lines.list()),
      show: api.lines.show.handler(({ input }) => lines.show(input)),
      measure: api.lines.measure.handler(({ input, signal }) => told(lines.follow(input, signal))),
      setJoint: api.lines.setJoint.handler(({ input }) => lines.setJoint(input)),
    },
    training: {
      nextDomain: api.training.nextDomain.handler(({ input }) => nextDomains.after(input)),
      preview: api.training.preview.handler(({ input }) => runs.preview(input)),
      stream: api.training.stream.handler(({ input }) => runs.stream(input)),
      start: api.training.start.handler(({ input: { queue: mayWait, priority, key, ...request } }) =>
        runs.start(request, undefined, { queue: mayWait, priority, ...(key === undefined ? {} : { key }) }),
      ),
    },
    recipes: {
      presets: api.recipes.presets.handler(() => recipes.presets()),
      preview: api.recipes.preview.handler(({ input }) => recipes.preview(input)),
      start: api.recipes.start.handler(({ input }) => recipes.start(input)),
      list: api.recipes.list.handler(() => recipes.list()),
      show: api.recipes.show.handler(({ input }) => recipes.show(input)),
      cancel: api.recipes.cancel.handler(({ input }) => recipes.cancel(input)),
    },
    queue: {
      list: api.queue.list.handler(() => queue.list()),
      move: api.queue.move.handler(({ input }) => queue.move(input)),
      setPriority: api.queue.setPriority.handler(({ input }) => queue.setPriority(input)),
    },
    runs: {
      list: api.runs.list.handler(() => runs.list()),
      show: api.runs.show.handler(({ input }) => runs.show(input.run)),
      metrics: api.runs.metrics.handler(({ input }) => runs.metrics(input)),
      measurements: api.runs.measurements.handler(({ input }) => runs.measurements(input)),
      samples: api.runs.samples.handler(({ input }) => runs.samples(input)),
      windows: api.runs.windows.handler(({ input }) => runs.windows(input)),
      movement: api.runs.movement.handler(({ input }) => runs.movement(input)),
      watch: api.runs.watch.handler(({ input, signal }) => told(runs.watch(input, signal))),
      pause: api.runs.pause.handler(({ input }) => runs.pause(input)),
      resumable: api.runs.resumable.handler(() => runs.resumable()),
      resume: api.runs.resume.handler(({ input }) => runs.resume(input)),
      stop: api.runs.stop.handler(({ input }) => runs.stop(input)),
      request: api.runs.request.handler(({ input }) => copies.request(input)),
      rerun: api.runs.rerun.handler(({ input }) => copies.rerun(input)),
      rerunVerdict: api.runs.rerunVerdict.handler(({ input }) => copies.verdict(input)),
      rename: api.runs.rename.handler(({ input }) => history.rename(input)),
      note: api.runs.note.handler(({ input }) => history.note(input)),
      search: api.runs.search.handler(({ input }) => history.search(input)),
      tag: api.runs.tag.handler(({ input }) => history.tag(input)),
      favourite: api.runs.favourite.handler(({ input }) => history.favourite(input)),
      archive: api.runs.archive.handler(({ input }) => history.archive(input)),
      curves: api.runs.curves.handler(({ input }) => comparison.curves(input)),
      compare: api.runs.compare.handler(({ input }) => comparison.compare(input)),
      export: api.runs.export.handler(({ input }) => runExport.export(input)),
      remove: api.runs.remove.handler(({ input }) => history.remove(input)),
      restore: api.runs.restore.handler(({ input }) => history.restore(input)),
      purge: api.runs.purge.handler(({ input }) => history.purge(input)),
    },
    suites: {
      list: api.suites.list.handler(() => suites.list()),
      inspect: api.suites.inspect.handler(({ input }) => suites.inspect(input)),
      save: api.suites.save.handler(({ input }) => suites.save(input)),
      rename: api.suites.rename.handler(({ input }) => suites.rename(input)),
      remove: api.suites.remove.handler(({ input }) => suites.remove(input)),
      run: api.suites.run.handler(({ input, signal }) => told(suites.followRun(input, signal))),
      results: api.suites.results.handler(({ input }) => suites.results(input)),
      items: api.suites.items.handler(({ input }) => suites.items(input)),
      changes: api.suites.changes.handler(({ input }) => suiteChanges.show(input)),
      score: api.suites.score.handler(({ input, signal }) => told(suites.followScore(input, signal))),
    },
    text: {
      generate: api.text.generate.handler(({ input }) => text.generate(input)),
      stream: api.text.stream.handler(({ input, signal }) => told(text.stream(input, signal))),
      explain: api.text.explain.handler(({ input, signal }) => text.explain(input, signal)),
      evaluate: api.text.evaluate.handler(({ input }) => text.evaluate(input)),
    },
  });
}

/** What is refused for another reason is refused for that one, by the call itself. */
async function refuseUnchosen(studio: Studio, grants: PathGrants, schema: z.ZodType | undefined, input: unknown): Promise<void> {
  const parsed = schema?.safeParse(input);
  if (!schema || !parsed?.success) return;
  for (const { path, access, orDataset } of userPathsIn(schema, parsed.data)) {
    if (orDataset && studio.datasets.list().some(({ id, name }) => id === path || name === path)) continue;
    await grants.check(path, access);
  }
}

/** The same events; an error in their middle travels as one of a call does. */
async function* toldIn<Event>(home: string, events: AsyncIterable<Event>): AsyncGenerator<Event, void> {
  try {
    yield* events;
  } catch (error) {
    throw asContractError(error, home);
  }
}

function asContractError(error: unknown, home: string): ORPCError<'STRATA', ErrorRecord> {
  const known = asStrataError(error);
  // Without a status of its own: the contract gives none, and an error with another one counts as not defined by it.
  const record = namedAsSent(known.toRecord(), home);
  return new ORPCError('STRATA', { message: record.message, data: record });
}

/** Arguments that the schema refuses are the caller's mistake, and say which. */
function asStrataError(error: unknown): StrataError {
  if (error instanceof ORPCError && error.code === 'BAD_REQUEST' && error.cause instanceof ValidationError) {
    const issues = error.cause.issues.map(({ path, message }) => `${(path ?? []).map(String).join('.')}: ${message}`);
    return new StrataError('BAD_INPUT', 'The request is not possible.', { found: issues.join('; '), cause: error });
  }
  return toStrataError(error);
}
