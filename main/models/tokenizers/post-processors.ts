import { asCount, asList, asObject, asText, type JsonObject } from './json-fields.ts';
import { unknownPart } from './unknown-part.ts';

/** Ids that a tokenizer puts in front of a text and behind it. */
export interface Surroundings {
  before: readonly number[];
  after: readonly number[];
}

const MAKERS: Readonly<Record<string, (json: JsonObject, largestId: number) => Surroundings>> = {
  Sequence: (json, largestId) =>
    asList(json.processors, 'processors')
      .map((each) => surroundings(each, largestId))
      .reduce((inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }), {
        before: [],
        after: [],
      }),
  ByteLevel: () => ({ before: [], after: [] }),
  TemplateProcessing: template,
  BertProcessing: aroundOne,
  RobertaProcessing: aroundOne,
};

/** @throws StrataError UNSUPPORTED for a post-processor of an unknown kind; Error for one that is damaged. */
export function surroundings(json: unknown, largestId: number): Surroundings {
  const object = asObject(json, 'a post-processor');
  const make = Object.hasOwn(MAKERS, String(object.type)) ? MAKERS[String(object.type)] : undefined;
  if (!make) throw unknownPart('post-processor', object.type, Object.keys(MAKERS));
  return make(object, largestId);
}

function template(json: JsonObject, largestId: number): Surroundings {
  const specials = asObject(json.special_tokens, 'special_tokens');
  const [before, after]: [number[], number[]] = [[], []];
  let texts = 0;
  for (const each of asList(json.single, 'single')) {
    const part = asObject(each, 'a part of a template');
    if ('Sequence' in part) {
      texts++;
      continue;
    }
    const name = asText(asObject(part.SpecialToken, 'a special token').id, 'the id of a special token');
    const special = Object.hasOwn(specials, name) ? specials[name] : undefined;
    const ids = asList(asObject(special, `the special token ${name.slice(0, 60)}`).ids, 'ids');
    (texts === 0 ? before : after).push(...ids.map((id) => asCount(id, 'the id of a special token', largestId)));
  }
  if (texts !== 1) throw new Error(`a template with ${texts} places for the text`);
  return { before, after };
}

/** Pairs of a token's text and id. */
function aroundOne(json: JsonObject, largestId: number): Surroundings {
  const id = (name: 'cls' | 'sep'): number => asCount(asList(json[name], name)[1], name, largestId);
  return { before: [id('cls')], after: [id('sep')] };
}
