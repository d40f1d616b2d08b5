import type { Migration } from './migration.ts';

/** Values of a run's little picture. */
const SPARKS = Array.from({ length: 32 }, (_, index) => index);

/** What a row of the history shows of a run, from its frozen configuration. `run` names a row of `runs`. */
const settingsOf = (run: string): string => `
  SELECT ${run}.id,
    coalesce(${run}.configuration ->> '$.method.name', ''),
    coalesce(${run}.configuration ->> '$.baseModel.id', ''),
    coalesce(${run}.configuration ->> '$.baseModel.name', ''),
    (SELECT json_group_array(json_object('id', value ->> '$.id', 'name', value ->> '$.name', 'role', value ->> '$.role'))
      FROM json_each(${run}.configuration, '$.datasets')),
    coalesce(json_array_length(${run}.configuration, '$.method.plan.inserted'), 0),
    coalesce(${run}.configuration ->> '$.replayShare', 0),
    coalesce(${run}.configuration ->> '$.steps', 0)`;

/** The same arithmetic as gainAndForgetting, in the order of the columns gain, forgetting, drift. */
const outcomeOf = (run: string): string => `
    (${run}.baseline ->> '$.new.loss') - (${run}.final ->> '$.new.loss'),
    (${run}.final ->> '$.old.loss') - (${run}.baseline ->> '$.old.loss'),
    ${run}.final ->> '$.drift'`;

/** Held-out new loss at evenly spaced steps, each looked up and not searched for. */
const sparklineOf = (id: string): string => `(
    SELECT json_group_array(value) FROM (
      SELECT DISTINCT point.step, point.value FROM json_each('${JSON.stringify(SPARKS)}') AS place
        JOIN metrics AS point ON point.run = ${id} AND point.series = 'loss.new' AND point.step = (
          SELECT max(step) FROM metrics WHERE run = ${id} AND series = 'loss.new' AND step <= place.value
            * (SELECT max(step) FROM metrics WHERE run = ${id} AND series = 'loss.new') / ${SPARKS.length - 1})
        WHERE abs(point.value) < 1e300 ORDER BY point.step))`;

/**
 * What lists of runs show, filter and sort by, beside the runs themselves: a thousand configurations need not be read for a page. Triggers keep
 * it true, whoever writes a run.
 */
export const runFacts: Migration = {
  version: 140,
  up: (database) => {
    database.exec(`
      CREATE TABLE runFacts (
        run TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
        method TEXT NOT NULL,
        baseModel TEXT NOT NULL,
        baseModelName TEXT NOT NULL,
        datasets TEXT NOT NULL,
        insertedBlocks INTEGER NOT NULL,
        replayShare REAL NOT NULL,
        steps INTEGER NOT NULL,
        gain REAL,
        forgetting REAL,
        drift REAL,
        sparkline TEXT NOT NULL DEFAULT '[]'
      ) STRICT, WITHOUT ROWID;

      INSERT INTO runFacts (run, method, baseModel, baseModelName, datasets, insertedBlocks, replayShare, steps, gain, forgetting, drift, sparkline)
        ${settingsOf('runs')}, ${outcomeOf('runs')}, ${sparklineOf('runs.id')} FROM runs;

      CREATE TRIGGER runFactsBegin AFTER INSERT ON runs BEGIN
        INSERT INTO runFacts (run, method, baseModel, baseModelName, datasets, insertedBlocks, replayShare, steps) ${settingsOf('NEW')};
      END;
      CREATE TRIGGER runFactsOutcome AFTER UPDATE OF baseline, final ON runs BEGIN
        UPDATE runFacts SET (gain, forgetting, drift) = (SELECT ${outcomeOf('NEW')}) WHERE run = NEW.id;
      END;
      CREATE TRIGGER runFactsSparkline AFTER UPDATE OF latest ON runs BEGIN
        UPDATE runFacts SET sparkline = ${sparklineOf('NEW.id')} WHERE run = NEW.id;
      END;

      CREATE INDEX runsByName ON runs (name);
    `);
  },
};
