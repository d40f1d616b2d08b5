/**
 * An ESLint rule: what people read on a page comes from the catalogue in shared/words, so that it can be said in another language. Reported
 * are texts in markup, attributes that are read (such as `aria-label`), and strings in scripts that look like something to read: several
 * words, or one with a capital.
 */

/** Attributes, and components' props, whose text is read by people. */
const READ =
  /^(aria-label|aria-description|aria-roledescription|aria-valuetext|alt|title|placeholder|label|text|what|consequence|caption|heading|unit|name)$/;
/** Two words with a space between, or one that begins with a capital and goes on in small letters. */
const READABLE = /\p{L}{2,}[,.:;…]? \p{L}|^\p{Lu}\p{Ll}+[.…:]?$/u;
/** Names of keys as browsers give them. */
const KEYS =
  /^(Enter|Escape|Tab|Home|End|Delete|Insert|Backspace|Space|Arrow(Up|Down|Left|Right)|Page(Up|Down)|Control|Meta|Shift|Alt|Files)$/;
/** Colours that are mixed from tokens. */
const COLOURS = /^color-mix\(/;
/** Names that are the same in every language. */
const NAMES = /^(· )?(Strata|CSV|PNG|GGUF( Q\d_\d)?|Hugging Face|JSON|SHA-256|Winogrande)$/;
/** What a string's place says about it: an error for whoever programs, a name of something, a class. */
const UNREAD_PARENTS = new Set(['ImportDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSLiteralType']);

/** @param {string} text @returns {boolean} */
function hasLetters(text) {
  return /\p{L}{2,}/u.test(text);
}

/** @type {import('eslint').Rule.RuleModule} */
export const wordsFromCatalogue = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { bare: '"{{text}}" is read by people: it belongs into the catalogue, shared/words/en, and is asked for by words().' },
  },
  create(context) {
    /** @param {any} node @param {string} text */
    const report = (node, text) => context.report({ node, messageId: 'bare', data: { text: text.trim().slice(0, 60) } });
    /** @param {any} node @returns {boolean} whether the node lies in a place whose strings nobody reads */
    const isUnread = (node) => {
      for (let each = node.parent, child = node; each; child = each, each = each.parent) {
        if (UNREAD_PARENTS.has(each.type) || each.type === 'SvelteStyleElement' || each.type === 'SvelteStyleDirective') return true;
        if (each.type === 'NewExpression' && /Error$/.test(each.callee.name ?? '')) return true;
        if (
          each.type === 'CallExpression' &&
          /^(words|getContext|setContext|matchMedia|querySelector(All)?|matches|closest)$/.test(calleeName(each))
        )
          return true;
        // `export … from`; what is declared and exported is looked at like everything else.
        if (each.type === 'ExportNamedDeclaration' && each.source === child) return true;
        // The arms of a comparison are names of states, not texts.
        if (each.type === 'BinaryExpression' && /^[!=]==?$/.test(each.operator)) return true;
        if (each.type === 'SvelteAttribute' && !READ.test(each.key.name) && !isComponent(each)) return true;
        // Columns are called for other programs: `headings` are read.
        if (each.type === 'SvelteAttribute' && each.key.name === 'columns') return true;
        if (each.type === 'Property' && each.key === child) return true;
        if (each.type === 'MemberExpression' && each.property === child) return true;
      }
      return false;
    };
    return {
      SvelteText(/** @type {any} */ node) {
        if (node.parent.type === 'SvelteStyleElement' || node.parent.type === 'SvelteScriptElement') return;
        if (/^(code|kbd|style|script|title)$/.test(node.parent.name?.name ?? '')) return;
        if (hasLetters(node.value) && !NAMES.test(node.value.trim())) report(node, node.value);
      },
      SvelteLiteral(/** @type {any} */ node) {
        const attribute = node.parent;
        if (attribute.type !== 'SvelteAttribute' || !READABLE.test(node.value)) return;
        if (READ.test(attribute.key.name) || isComponent(attribute)) report(node, node.value);
      },
      Literal(/** @type {any} */ node) {
        if (
          typeof node.value === 'string' &&
          READABLE.test(node.value) &&
          !KEYS.test(node.value) &&
          !NAMES.test(node.value) &&
          !isUnread(node)
        )
          report(node, node.value);
      },
      TemplateLiteral(/** @type {any} */ node) {
        const text = node.quasis.map((/** @type {any} */ { value }) => value.cooked).join('{}');
        if (READABLE.test(text) && !COLOURS.test(text) && !isUnread(node)) report(node, text);
      },
    };
  },
};

/** @param {any} call @returns {string} */
function calleeName({ callee }) {
  return callee.name ?? callee.property?.name ?? '';
}

/** @param {any} attribute @returns {boolean} whether it is given to a component of ours, whose props may be read */
function isComponent(attribute) {
  return (
    /^\p{Lu}/u.test(attribute.parent?.parent?.name?.name ?? '') && !/^(class|id|variant|side|align|value|type)$/.test(attribute.key.name)
  );
}
