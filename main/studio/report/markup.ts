/** HTML whose every value is escaped unless it is markup itself: what a user wrote cannot become part of a page. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | null | false | readonly Content[];

/** A template whose values are escaped; null and false leave nothing behind. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.map((part, index) => part + (index < values.length ? textOf(values[index]!) : '')).join(''));
}

/** What a user called something: kept apart, so that its direction of writing does not turn the text around it. */
export function named(name: string): Markup {
  return html`<bdi>${name}</bdi>`;
}

function textOf(value: Content): string {
  if (value === null || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map((each: Content) => textOf(each)).join('');
  return escape(String(value as string | number));
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** For text and for attributes in quotes; characters that no HTML may hold become U+FFFD. */
function escape(text: string): string {
  return text
    .toWellFormed()
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!)
    .replace(/[^\t\n\r\u0020-\u{10ffff}]/gu, '\ufffd');
}
