/** Terminal colours and cursor movements (ECMA-48 5.4): without their escape character, "[31m" would stay as text. */
const ESCAPE_SEQUENCE = new RegExp(String.raw`${'\u001b'}\[[0-?]*[ -/]*[@-~]`, 'g');

/** Line ends of other systems; a form feed stands between pages. */
const OTHER_LINE_END = /\r\n|[\r\v\f\u0085]/g;

/** What this step may change: a text without any of it, nearly every one, is looked at once. */
const SUSPECT = /[[\p{Cc}--[\t\n]]\u00ad\u200b-\u200d\u2060\ufeff\ufffe\uffff\u{e0000}-\u{e007f}\p{Cs}]/v;

/** Removed wherever they stand. The soft hyphen shows a place where a line may be broken, which a model has no lines for. */
const NEVER_SEEN = /[[\p{Cc}--[\t\n]]\u00ad\u2060\ufeff\ufffe\uffff]/gv;

/** Tags (U+E0020-E007F) belong to flags such as Scotland's, from the black flag to the end tag; elsewhere they are text that nobody sees. */
const TAGS = /\u{1f3f4}[\u{e0020}-\u{e007e}]+\u{e007f}|[\u{e0000}-\u{e007f}]+/gv;

/**
 * A zero-width space marks words where no blank does (Thai, Lao, Khmer, Myanmar); elsewhere it is left over from a page's layout.
 */
const WIDTHLESS_SPACE =
  /(?<![\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}])\u200b(?![\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}])/gv;

/**
 * The non-joiner and the joiner change letters of scripts that join (The Unicode Standard, chapter 23.2): Persian "می‌خواهم" has the non-joiner
 * inside a word, and Indic half forms have the joiner. They stay behind a letter or mark of such a script.
 */
const JOINING = String.raw`[[\p{L}\p{M}]&&[\p{scx=Arab}\p{scx=Syrc}\p{scx=Nkoo}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}\p{scx=Khmr}\p{scx=Mymr}]]`;
const STRAY_NON_JOINER = new RegExp(String.raw`(?<!${JOINING})\u200c`, 'gv');

/** A joiner also makes one emoji of several: it stays between two of them (behind a skin tone or a variation selector too). */
const EMOJI_BEFORE = String.raw`[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]`;
const STRAY_JOINER = new RegExp(String.raw`(?<!${JOINING})(?:(?<!${EMOJI_BEFORE})\u200d|\u200d(?!\p{Extended_Pictographic}))`, 'gv');

/**
 * A text without characters that nobody sees: NULs and other controls (only tab and line feed stay), terminal sequences, byte order marks, soft
 * hyphens, tags, and zero-width characters where they join or part nothing. Every line end becomes a line feed. Halves of surrogate pairs, which
 * cannot be written as UTF-8, become U+FFFD. Marks of writing direction stay: right-to-left text needs them.
 */
export function removeControlCharacters(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text
    .toWellFormed()
    .replace(ESCAPE_SEQUENCE, '')
    .replace(OTHER_LINE_END, '\n')
    .replace(NEVER_SEEN, '')
    .replace(TAGS, (tags) => (tags.startsWith('\u{1f3f4}') ? tags : ''))
    .replace(WIDTHLESS_SPACE, '')
    .replace(STRAY_NON_JOINER, '')
    .replace(STRAY_JOINER, '');
}
