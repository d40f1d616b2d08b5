import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

/** Every refusal of a model says what was found, what is allowed and what to do: held by the source, because no test meets all of them. */

const root = join(import.meta.dirname, '../..');
const STUDIO = ['context', 'download-folder', 'exports', 'model-downloads', 'model-source', 'models', 'planner'];
const DOMAIN = ['export-format', 'method', 'plan'];

/** What a person cannot mend: a bug of Strata, and what the person asked for. */
const OTHERS = ["'INTERNAL'", "'INTERRUPTED'"];
const PARTS = ['found', 'allowed', 'hint'];

/** Names of an object's fields, with those of what is spread into it as far as the source says them. */
function partsOf(details: ts.Expression, source: ts.SourceFile): string[] {
  if (!ts.isObjectLiteralExpression(details)) {
    const named = ts.isIdentifier(details) ? declarationOf(details.text, source) : null;
    return named ? partsOf(named, source) : [];
  }
  return details.properties.flatMap((property) => {
    if (!ts.isSpreadAssignment(property)) return [property.name?.getText(source) ?? ''];
    // schemaRefusal, and details that a type holds to both.
    return /^(schemaRefusal\(|details$|difference$)/.test(property.expression.getText(source)) ? ['found', 'allowed'] : [];
  });
}

function declarationOf(name: string, source: ts.SourceFile): ts.Expression | null {
  let found: ts.Expression | null = null;
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && node.name.getText(source) === name && node.initializer) found = node.initializer;
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The refusals in a source text that lack a part, with their lines. */
function incomplete(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const lacking: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isNewExpression(node) && /^(Strata|Network)Error$/.test(node.expression.getText(source))) {
      const [first, second, third] = node.arguments ?? [];
      const details = node.expression.getText(source) === 'StrataError' ? third : second;
      const parts = details ? partsOf(details, source) : [];
      const missing = PARTS.filter((part) => !parts.includes(part));
      if (!OTHERS.includes(first?.getText(source) ?? '') && missing.length > 0) {
        const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
        lacking.push(`${file}:${line + 1} lacks ${missing.join(', ')}`);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lacking;
}

it('every refusal in the rooms of models, plans and exports has all its parts', () => {
  const models = readdirSync(join(root, 'main/models'), { recursive: true, encoding: 'utf8' }).map((name) => `main/models/${name}`);
  const files = [
    ...models.filter((name) => name.endsWith('.ts')),
    ...STUDIO.map((name) => `main/studio/${name}.ts`),
    ...DOMAIN.map((name) => `shared/domain/${name}.ts`),
  ];
  expect(files.length).toBeGreaterThan(80);
  expect(files.flatMap((file) => incomplete(file, readFileSync(join(root, file), 'utf8')))).toEqual([]);
});

it('one that lacks a part is noticed', () => {
  expect(incomplete('a.ts', "throw new StrataError('CORRUPT', 'no', { found, hint: 'x' });")).toEqual(['a.ts:1 lacks allowed']);
  expect(incomplete('a.ts', "\nthrow new StrataError('CORRUPT', 'no');")).toEqual(['a.ts:2 lacks found, allowed, hint']);
  expect(incomplete('a.ts', "throw new StrataError('INTERNAL', 'no');")).toEqual([]);
  expect(incomplete('a.ts', "const all = { found, allowed, hint }; throw new NetworkError('no', all);")).toEqual([]);
});
