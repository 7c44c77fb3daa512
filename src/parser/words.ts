// Expandable words: quotes, escapes and `${…}` become parts once, here; expansion itself is the
// planner's. Broken substitutions become 'invalid' parts because they matter only when expanded (V-14).
import type { Modifier, Word, WordPart } from './ast.ts';
import { type Escape, type MappedText, spanOf } from './mapped-text.ts';
import { addLiteral } from './word-parts.ts';

export interface WordOptions {
  /** false: quote characters are ordinary text (heredoc bodies, P-58). Default true. */
  readonly quotes?: boolean;
}

/** Deeper `${a:-${b:-…}}` is refused: it protects every later recursive pass, too. */
export const MAX_NESTING = 100;

interface Scanner {
  readonly source: MappedText;
  readonly text: string;
  readonly end: number;
  readonly escapeChar: number;
  readonly quotes: boolean;
  at: number;
  depth: number;
  /** First problem found; scanning stops there. */
  failure: { message: string; start: number; final: boolean; hint?: string } | null;
}

const DOLLAR = 0x24;
const SINGLE = 0x27;
const DOUBLE = 0x22;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SLASH = 0x2f;
const COLON = 0x3a;
const NO_STOP = -1;
const QUOTE_HINT = 'write the same quote where the text ends, or the escape character before this one';
const BRACE_HINT = 'end it with }';
const MODIFIER_HINT = 'there are :- - :+ + :? ? # ## % %% / and //';

/**
 * Parses `source.text[start, end)` as one word. Never fails: what cannot be expanded ends in an
 * 'invalid' part that carries BuildKit's message (V-14, V-15, V-17).
 */
export function parseWord(source: MappedText, start: number, end: number, escapeChar: Escape, options: WordOptions = {}): Word {
  const scanner = scannerOf(source, start, end, escapeChar, options.quotes ?? true);
  const parts: WordPart[] = [];
  if (!scanParts(scanner, parts, NO_STOP, false) && scanner.failure !== null) {
    const { message, hint, start: from } = scanner.failure;
    const span = spanOf(source, from, Math.max(scanner.at, from + 1));
    parts.push({ type: 'invalid', message, span, ...(hint !== undefined && { hint }) });
  }
  return { span: spanOf(source, start, end), raw: source.text.slice(start, end), parts };
}

/** A word without anything to expand, as from a JSON string that holds no special character. */
export const parseWholeWord = (source: MappedText, escapeChar: Escape, options?: WordOptions): Word =>
  parseWord(source, 0, source.text.length, escapeChar, options);

/** End of the `$…` that begins at `start`, or -1 when it is broken; for splitting heredoc lines. */
export function substitutionEnd(source: MappedText, start: number, end: number, escapeChar: Escape): number {
  const scanner = scannerOf(source, start, end, escapeChar, true);
  return scanDollar(scanner, false) === null ? -1 : scanner.at;
}

const scannerOf = (source: MappedText, start: number, end: number, escapeChar: Escape, quotes: boolean): Scanner => ({
  source,
  text: source.text,
  end,
  escapeChar: escapeChar.charCodeAt(0),
  quotes,
  at: start,
  depth: 0,
  failure: null,
});

function fail(scanner: Scanner, message: string, start: number, hint?: string, final = false): null {
  scanner.failure ??= { message, start, final, ...(hint !== undefined && { hint }) };
  return null;
}

/** Reads parts up to `stop` (consumed) or the end. `raw` keeps escape characters (patterns, V-11). */
function scanParts(scanner: Scanner, parts: WordPart[], stop: number, raw: boolean): boolean {
  const { text, end } = scanner;
  const from = scanner.at;
  while (scanner.at < end) {
    const code = text.charCodeAt(scanner.at);
    if (code === stop) {
      scanner.at += 1;
      return true;
    }
    if (code === DOLLAR) {
      const part = scanDollar(scanner, false);
      if (part === null) return false;
      addPart(parts, part);
    } else if (code === SINGLE && scanner.quotes) {
      if (!scanSingleQuotes(scanner, parts)) return false;
    } else if (code === DOUBLE && scanner.quotes) {
      if (!scanDoubleQuotes(scanner, parts, raw)) return false;
    } else if (code === scanner.escapeChar) scanEscape(scanner, parts, raw);
    else scanPlain(scanner, parts, stop);
  }
  if (stop === NO_STOP) return true;
  fail(scanner, `unexpected end of statement while looking for matching ${String.fromCharCode(stop)}`, Math.min(from, end - 1));
  return false;
}

function addPart(parts: WordPart[], part: WordPart): void {
  if (part.type === 'literal') addLiteral(parts, part.text, part.quoted);
  else parts.push(part);
}

function scanPlain(scanner: Scanner, parts: WordPart[], stop: number): void {
  const { text, end, escapeChar, quotes } = scanner;
  let at = scanner.at + 1;
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code === DOLLAR || code === escapeChar || code === stop || (quotes && (code === SINGLE || code === DOUBLE))) break;
  }
  addLiteral(parts, text.slice(scanner.at, at), false);
  scanner.at = at;
}

/** The character after the escape is taken as it is; it never splits, hence `quoted`. */
function scanEscape(scanner: Scanner, parts: WordPart[], raw: boolean): void {
  const { text, end } = scanner;
  const start = scanner.at;
  scanner.at += 1;
  if (scanner.at < end) scanner.at += (text.codePointAt(scanner.at) ?? 0) > 0xffff ? 2 : 1;
  const kept = text.slice(raw ? start : start + 1, Math.min(scanner.at, end));
  if (kept !== '') addLiteral(parts, kept, true);
}

function scanSingleQuotes(scanner: Scanner, parts: WordPart[]): boolean {
  const start = scanner.at;
  const close = scanner.text.indexOf("'", start + 1);
  if (close === -1 || close >= scanner.end) {
    scanner.at = scanner.end;
    fail(scanner, 'unexpected end of statement while looking for matching single-quote', start, QUOTE_HINT);
    return false;
  }
  addLiteral(parts, scanner.text.slice(start + 1, close), true);
  scanner.at = close + 1;
  return true;
}

function scanDoubleQuotes(scanner: Scanner, parts: WordPart[], raw: boolean): boolean {
  const { text, end, escapeChar } = scanner;
  const start = scanner.at;
  scanner.at += 1;
  addLiteral(parts, '', true);
  while (scanner.at < end) {
    const code = text.charCodeAt(scanner.at);
    if (code === DOUBLE) {
      scanner.at += 1;
      return true;
    }
    if (code === DOLLAR) {
      const part = scanDollar(scanner, true);
      if (part === null) return false;
      addPart(parts, part);
    } else if (code === escapeChar) {
      const next = text.charCodeAt(scanner.at + 1);
      const escapes = scanner.at + 1 < end && (next === DOUBLE || next === DOLLAR || next === escapeChar);
      const mark = text.charAt(scanner.at);
      // A raw escape before an ordinary character is doubled: it means itself in a pattern.
      addLiteral(parts, (raw ? mark : '') + (escapes ? text.charAt(scanner.at + 1) : mark), true);
      scanner.at += escapes ? 2 : 1;
    } else {
      const from = scanner.at;
      for (scanner.at += 1; scanner.at < end; scanner.at += 1) {
        const inner = text.charCodeAt(scanner.at);
        if (inner === DOUBLE || inner === DOLLAR || inner === escapeChar) break;
      }
      addLiteral(parts, text.slice(from, scanner.at), true);
    }
  }
  fail(scanner, 'unexpected end of statement while looking for matching double-quote', start, QUOTE_HINT);
  return false;
}

/** At `$`. Null after a failure; a `$` that starts nothing is literal (V-05). */
function scanDollar(scanner: Scanner, quoted: boolean): WordPart | null {
  const { text, end, source } = scanner;
  const start = scanner.at;
  scanner.at += 1;
  if (scanner.at < end && text.charCodeAt(scanner.at) === OPEN) return scanBraces(scanner, start, quoted);
  const name = scanName(scanner);
  if (name === '') return { type: 'literal', text: '$', quoted };
  return { type: 'variable', name, span: spanOf(source, start, scanner.at), quoted };
}

const WIDE_NAME = /[\p{L}_][\p{L}\p{Nd}_]*|\p{Nd}+|[@*#?\-$!]/uy;
const SPECIAL = '@*#?-$!';

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isNameCode = (code: number): boolean =>
  code === 0x5f || isDigit(code) || (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);

/** A name, a run of digits or one special character (V-04, V-05); '' when none stands here. */
function scanName(scanner: Scanner): string {
  const { text, end } = scanner;
  const start = scanner.at;
  if (start >= end) return '';
  const digits = isDigit(text.charCodeAt(start));
  let at = start;
  while (at < end && (digits ? isDigit(text.charCodeAt(at)) : isNameCode(text.charCodeAt(at)))) at += 1;
  if (at < end && text.charCodeAt(at) > 0x7f) return scanWideName(scanner);
  if (at === start && SPECIAL.includes(text.charAt(at))) at += 1;
  scanner.at = at;
  return text.slice(start, at);
}

/** Names with letters beyond ASCII; apart because the first use of Unicode classes costs milliseconds. */
function scanWideName(scanner: Scanner): string {
  WIDE_NAME.lastIndex = scanner.at;
  const name = (WIDE_NAME.exec(scanner.text)?.[0] ?? '').slice(0, scanner.end - scanner.at);
  scanner.at += name.length;
  return name;
}

function scanBraces(scanner: Scanner, start: number, quoted: boolean): WordPart | null {
  const { text, end, source } = scanner;
  scanner.at += 1;
  if (scanner.at >= end) return fail(scanner, "syntax error: missing '}'", start, BRACE_HINT);
  const first = text.charCodeAt(scanner.at);
  if (first === OPEN || first === CLOSE || first === COLON) {
    scanner.at += 1;
    return fail(scanner, 'syntax error: bad substitution', start, 'write ${NAME}, or escape the $');
  }
  const name = scanName(scanner);
  if (scanner.at < end && text.charCodeAt(scanner.at) === CLOSE) {
    scanner.at += 1;
    return { type: 'variable', name, span: spanOf(source, start, scanner.at), quoted };
  }
  if (scanner.depth >= MAX_NESTING) {
    return fail(scanner, `syntax error: substitutions are nested more than ${MAX_NESTING} levels deep`, start, undefined, true);
  }
  scanner.depth += 1;
  const modifier = scanModifier(scanner, start);
  scanner.depth -= 1;
  return modifier === null ? null : { type: 'variable', name, span: spanOf(source, start, scanner.at), quoted, modifier };
}

function scanModifier(scanner: Scanner, start: number): Modifier | null {
  const { text, end } = scanner;
  const colon = scanner.at < end && text.charCodeAt(scanner.at) === COLON;
  if (colon) scanner.at += 1;
  const operator = scanner.at < end ? String.fromCodePoint(text.codePointAt(scanner.at) ?? 0) : '';
  scanner.at += operator.length;
  if (operator === '/' && !colon) return scanReplacement(scanner, start);
  const trims = operator === '#' || operator === '%';
  if (!trims && operator !== '-' && operator !== '+' && operator !== '?' && !colon) return unsupported(scanner, start, operator);
  const word = scanInner(scanner, CLOSE, trims, start, "syntax error: missing '}'");
  if (word === null) return null;
  if (trims && !colon) return removal(operator, word);
  if (operator === '-') return { type: 'default', colon, word };
  if (operator === '+') return { type: 'alternate', colon, word };
  if (operator === '?') return { type: 'require', colon, word };
  return unsupported(scanner, start, `:${operator}`);
}

const unsupported = (scanner: Scanner, start: number, modifier: string): null =>
  fail(
    scanner,
    `unsupported modifier (${modifier === '' ? 'end of text' : modifier}) in substitution`,
    start,
    modifier === '' ? BRACE_HINT : MODIFIER_HINT,
  );

/** `##` and `%%` show as a pattern that begins with the operator once more (V-09). */
function removal(operator: string, word: Word): Modifier {
  const side = operator === '#' ? 'prefix' : 'suffix';
  const first = word.parts[0];
  if (first?.type !== 'literal' || !first.text.startsWith(operator)) return { type: 'remove', side, longest: false, pattern: word };
  const rest = first.text.slice(1);
  const parts = rest === '' ? word.parts.slice(1) : [{ ...first, text: rest }, ...word.parts.slice(1)];
  const plain = word.raw.startsWith(operator);
  const pattern = plain ? { span: { ...word.span, start: word.span.start + 1 }, raw: word.raw.slice(1), parts } : { ...word, parts };
  return { type: 'remove', side, longest: true, pattern };
}

function scanReplacement(scanner: Scanner, start: number): Modifier | null {
  const all = scanner.at < scanner.end && scanner.text.charCodeAt(scanner.at) === SLASH;
  if (all) scanner.at += 1;
  const pattern = scanInner(scanner, SLASH, true, start, `syntax error: missing '/' in \${}`);
  if (pattern === null) return null;
  const replacement = scanInner(scanner, CLOSE, true, start, "syntax error: missing '}'");
  return replacement === null ? null : { type: 'replace', all, pattern, replacement };
}

/** A nested word up to `stop`; running out of text is reported as what is missing for `start`. */
function scanInner(scanner: Scanner, stop: number, raw: boolean, start: number, missing: string): Word | null {
  const from = scanner.at;
  const parts: WordPart[] = [];
  if (!scanParts(scanner, parts, stop, raw)) {
    const { failure } = scanner;
    if (failure !== null && !failure.final && scanner.at >= scanner.end) scanner.failure = { message: missing, start, final: false };
    return null;
  }
  const to = scanner.at - 1;
  return { span: spanOf(scanner.source, from, to), raw: scanner.text.slice(from, to), parts };
}
