/**
 * Makes unicode-ages.json: the characters that Unicode assigned after its version 8, by the versions that tokenizers 0.22 computes with. Run
 * where the packages @unicode/unicode-8.0.0, -9.0.0, -16.0.0 and -17.0.0 are installed: node unicode-ages.mjs > unicode-ages.json
 */

const unassigned = await Promise.all(
  ['8.0.0', '9.0.0', '16.0.0', '17.0.0'].map(async (version) => {
    const path = import.meta.resolve(`@unicode/unicode-${version}/General_Category/Unassigned/code-points.mjs`, `file://${process.cwd()}/`);
    return new Set((await import(path)).default);
  }),
);

/**
 * Pairs of the first and the last code point that the older version lacks and the newer one has.
 * @param {Set<number>} older
 * @param {Set<number>} newer
 */
function assignedBetween(older, newer) {
  const ranges = [];
  for (const code of [...older].filter((each) => !newer.has(each)).sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else ranges.push([code, code]);
  }
  return ranges;
}

const lines = ['8', '9', '16'].map((version, index) => {
  return `  "${version}": ${JSON.stringify(assignedBetween(unassigned[index] ?? new Set(), unassigned[index + 1] ?? new Set()))}`;
});
console.log(`{\n${lines.join(',\n')}\n}`);
