import {
  CLEANING_STEPS,
  type CleaningReport,
  type CleaningSettings,
  type CleaningStep,
  MAX_CLEANING_EXAMPLES,
  SENSITIVE_KINDS,
  type SensitiveKind,
  type SensitiveReport,
} from '../../../shared/domain/cleaning.ts';
import { type Content, plainTextOf } from '../../../shared/domain/content.ts';
import { BoilerplateLines } from './boilerplate.ts';
import { mapTexts, textsOf } from './content-texts.ts';
import { removeControlCharacters } from './control-characters.ts';
import { type LanguageDetector, loadLanguageDetector } from './language.ts';
import { excerptOf, findSensitive, maskSensitive, type SensitiveMatch } from './sensitive.ts';
import { splitLong } from './split-long.ts';
import { StepRecorder } from './step-recorder.ts';
import { normaliseUnicode } from './unicode.ts';
import { tidyWhitespace } from './whitespace.ts';

/** A document that is cleaned: what it says, and its place for people ("corpus.zip/a.jsonl, line 7"). */
export interface Cleanable {
  content: Content;
  where: string;
}

/** What a step makes of a document: another content, or why the document is left out. */
type Outcome = { content: Content } | { removed: string };
type Step = { recorder: StepRecorder; apply: (content: Content, where: string) => Outcome };

/** Steps whose examples must not show what they found. */
const SENSITIVE_STEPS: readonly CleaningStep[] = ['secrets', 'emails', 'phones'];

/**
 * The steps of cleaning that look at one document at a time (all but those for duplicates), with a report of what each did. Memory does not grow with
 * the dataset: counts, examples, and where they are on the table of boilerplate (32 MB) and that of languages (70 MB).
 */
export class Cleaner {
  readonly #settings: CleaningSettings;
  readonly #detector: LanguageDetector | null;
  readonly #boilerplate: BoilerplateLines | null;
  readonly #sensitive = new Map<SensitiveKind, SensitiveReport>();
  readonly #languages = new Map<string, number>();
  readonly #steps: readonly Step[];
  #sectionsAdded = 0;

  private constructor(settings: CleaningSettings, detector: LanguageDetector | null) {
    this.#settings = settings;
    this.#detector = detector;
    this.#boilerplate = settings.boilerplate ? new BoilerplateLines(settings.boilerplateDocuments) : null;
    this.#steps = CLEANING_STEPS.flatMap((name) => {
      const apply = this.#stepOf(name);
      return apply ? [{ recorder: new StepRecorder(name, { isSecret: SENSITIVE_STEPS.includes(name) }), apply }] : [];
    });
  }

  static async create(settings: CleaningSettings): Promise<Cleaner> {
    return new Cleaner(settings, settings.languages.length > 0 ? await loadLanguageDetector() : null);
  }

  /** Whether all documents have to be shown to `observe` before the first is cleaned. */
  get needsFirstPass(): boolean {
    return this.#boilerplate !== null;
  }

  /** First pass: what is counted over all documents. */
  observe({ content }: Pick<Cleanable, 'content'>): void {
    if (!this.#boilerplate || content.kind !== 'text') return;
    // As the document looks when its boilerplate is removed: after the steps before that one.
    let text = content.text;
    for (const map of [this.#textMapOf('unicode'), this.#textMapOf('controlCharacters')]) if (map) text = map(text);
    this.#boilerplate.observe({ kind: 'text', text });
  }

  /** The document cleaned, in sections where long texts are cut; none where a step leaves it out. */
  clean<T extends Cleanable>(document: T): T[] {
    let { content } = document;
    let text = plainTextOf(content);
    for (const { recorder, apply } of this.#steps) {
      const outcome = apply(content, document.where);
      if ('removed' in outcome) {
        recorder.removed(document.where, text.length, text, outcome.removed);
        return [];
      }
      const after = outcome.content === content ? text : plainTextOf(outcome.content);
      if (after.trim() === '') {
        recorder.removed(document.where, text.length, text, 'Nothing is left of it.');
        return [];
      }
      recorder.kept(document.where, text, after);
      content = outcome.content;
      text = after;
    }
    const cleaned = content === document.content ? document : { ...document, content };
    return this.#sectionsOf(cleaned);
  }

  /** What was done up to now; the steps for duplicates are added by whoever takes them. */
  report(): CleaningReport {
    return {
      steps: this.#steps.map(({ recorder }) => recorder.report()),
      sensitive: SENSITIVE_KINDS.flatMap((kind) => structuredClone(this.#sensitive.get(kind)) ?? []),
      languages: this.#detector ? Object.fromEntries([...this.#languages].sort((a, b) => b[1] - a[1])) : null,
      sectionsAdded: this.#sectionsAdded,
    };
  }

  /** A step that treats each text by itself; null where it is off or looks at more. */
  #textMapOf(name: CleaningStep): ((text: string) => string) | null {
    const { unicode, controlCharacters, whitespace } = this.#settings;
    if (name === 'unicode' && unicode !== 'off') return (text) => normaliseUnicode(text, unicode);
    if (name === 'controlCharacters' && controlCharacters) return removeControlCharacters;
    if (name === 'whitespace' && whitespace) return tidyWhitespace;
    return null;
  }

  /** What a step does; null where it is off. */
  #stepOf(name: CleaningStep): Step['apply'] | null {
    const settings = this.#settings;
    switch (name) {
      case 'unicode':
      case 'controlCharacters':
      case 'whitespace': {
        const map = this.#textMapOf(name);
        return map && ((content) => ({ content: mapTexts(content, map) }));
      }
      case 'boilerplate': {
        const boilerplate = this.#boilerplate;
        // Only plain texts have headers and footers; see BoilerplateLines.
        return (
          boilerplate &&
          ((content) => ({ content: content.kind === 'text' ? mapTexts(content, (text) => boilerplate.remove(text)) : content }))
        );
      }
      case 'secrets':
      case 'emails':
      case 'phones':
        return settings[name] === 'off' ? null : (content, where) => this.#sensitiveStep(content, where, name);
      case 'minCharacters': {
        const least = settings.minCharacters;
        return least === 0
          ? null
          : (content) => {
              const { length } = plainTextOf(content);
              return length < least ? { removed: `It has ${length} characters of ${least}.` } : { content };
            };
      }
      case 'languages': {
        const detector = this.#detector;
        return detector && ((content) => this.#languageStep(content, detector));
      }
      case 'exactDuplicates':
      case 'nearDuplicates':
        return null; // these compare documents: main/datasets/duplicates
    }
  }

  #sensitiveStep(content: Content, where: string, group: 'secrets' | 'emails' | 'phones'): Outcome {
    const found = new Set<SensitiveKind>();
    const matchesOf = new Map<string, SensitiveMatch[]>();
    for (const text of textsOf(content)) {
      const matches = findSensitive(text, [group]);
      if (matches.length === 0) continue;
      matchesOf.set(text, matches);
      for (const [index, { kind }] of matches.entries()) this.#note(kind, () => excerptOf(text, matches, index), where, found);
    }
    if (found.size === 0) return { content };
    const action = this.#settings[group];
    if (action === 'drop') return { removed: `Found in it: ${[...found].join(', ')}.` };
    if (action === 'flag') return { content };
    return { content: mapTexts(content, (text) => maskSensitive(text, matchesOf.get(text) ?? [])) };
  }

  #note(kind: SensitiveKind, excerpt: () => string, where: string, found: Set<SensitiveKind>): void {
    let report = this.#sensitive.get(kind);
    if (!report) this.#sensitive.set(kind, (report = { kind, documents: 0, matches: 0, examples: [] }));
    report.matches++;
    if (!found.has(kind)) report.documents++;
    found.add(kind);
    if (report.examples.length < MAX_CLEANING_EXAMPLES) report.examples.push({ where, excerpt: excerpt() });
  }

  /** A document whose language is not known stays: short texts and code would go first. */
  #languageStep(content: Content, detector: LanguageDetector): Outcome {
    const language = detector.languageOf(plainTextOf(content));
    this.#languages.set(language ?? 'unknown', (this.#languages.get(language ?? 'unknown') ?? 0) + 1);
    const isKept = language === null || this.#settings.languages.includes(language);
    return isKept ? { content } : { removed: `Its language is ${language}.` };
  }

  #sectionsOf<T extends Cleanable>(document: T): T[] {
    const { content, where } = document;
    if (content.kind !== 'text' || this.#settings.sectionCharacters === 0) return [document];
    const sections = splitLong(content.text, this.#settings.sectionCharacters);
    if (sections.length === 1) return [document];
    this.#sectionsAdded += sections.length - 1;
    return sections.map((text, index) => ({ ...document, content: { ...content, text }, where: `${where}, section ${index + 1}` }));
  }
}

/**
 * Documents cleaned, as a stream: one at a time is held.
 * @param open gives the documents from the first; called twice where the cleaner needs a first pass.
 */
export async function* cleaned<T extends Cleanable>(open: () => AsyncIterable<T>, cleaner: Cleaner): AsyncIterable<T> {
  if (cleaner.needsFirstPass) for await (const document of open()) cleaner.observe(document);
  for await (const document of open()) yield* cleaner.clean(document);
}
