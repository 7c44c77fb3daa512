// Finding `<<NAME` words in an instruction's text (P-50 to P-53, P-56). The rules are the builder's
// own word lexer with escape `\`, not those of a shell.
import { isSpace } from './blanks.ts';
import { parseJsonArray } from './json-array.ts';
import { type SplitLine, splitLine } from './logical-line.ts';
import type { MappedText } from './mapped-text.ts';
import { substitutionEnd } from './words.ts';

export interface HeredocOpener {
  readonly name: string;
  readonly fd: string;
  readonly expand: boolean;
  readonly chomp: boolean;
  /** Range of the word in the logical line. */
  readonly start: number;
  readonly end: number;
}

const CARRIERS = new Set(['run', 'copy', 'add']);

/** Openers of a logical line in order; empty for instructions that take none and for JSON arguments. */
export function findHeredocs(source: MappedText, line: SplitLine = splitLine(source)): HeredocOpener[] {
  if (!source.text.includes('<<')) return [];
  const carrier = carrierOf(source, line);
  if (carrier === null || parseJsonArray(source, carrier.args).type !== 'not-json') return [];
  const words = splitWords(source);
  if (words === null) return [];
  const openers: HeredocOpener[] = [];
  for (const word of words) {
    const opener = readOpener(source.text.slice(word.start, word.end), word.start);
    if (opener !== null) openers.push(opener);
  }
  return openers;
}

/** The line itself or, for ONBUILD, its trigger. */
function carrierOf(source: MappedText, line: SplitLine): SplitLine | null {
  const keyword = keywordOf(source, line);
  if (CARRIERS.has(keyword)) return line;
  if (keyword !== 'onbuild') return null;
  const trigger = splitLine(source, line.args.start);
  return CARRIERS.has(keywordOf(source, trigger)) ? trigger : null;
}

const keywordOf = (source: MappedText, line: SplitLine): string => source.text.slice(line.keyword.start, line.keyword.end).toLowerCase();

/** Unquoted blanks split; null when quotes or substitutions are broken, then nothing is a heredoc. */
function splitWords(source: MappedText): { start: number; end: number }[] | null {
  const { text } = source;
  const words: { start: number; end: number }[] = [];
  let start = -1;
  const close = (end: number): void => {
    if (start !== -1) words.push({ start, end });
    start = -1;
  };
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) {
      close(at);
      at += 1;
      continue;
    }
    if (start === -1) start = at;
    if (code === 0x24) {
      const end = substitutionEnd(source, at, text.length, '\\');
      if (end === -1) return null;
      // What a substitution expands to is split again; unset it stands for itself.
      for (let inner = at; inner < end; inner += 1) {
        if (isSpace(text.charCodeAt(inner))) close(inner);
        else if (start === -1) start = inner;
      }
      at = end;
    } else {
      const end = tokenEnd(source, at);
      if (end === -1) return null;
      at = end;
    }
  }
  close(text.length);
  return words;
}

/** End of a quoted section, an escaped character, `<<` with its blanks, or one plain character. */
function tokenEnd(source: MappedText, at: number): number {
  const { text } = source;
  const char = text[at];
  if (char === "'") {
    const end = text.indexOf("'", at + 1);
    return end === -1 ? -1 : end + 1;
  }
  if (char === '"') return doubleQuoteEnd(source, at);
  if (char === '\\') return Math.min(at + 2, text.length);
  if (char === '<' && text[at + 1] === '<') {
    let end = at + 2;
    while (end < text.length && isSpace(text.charCodeAt(end))) end += 1;
    return end;
  }
  return at + 1;
}

function doubleQuoteEnd(source: MappedText, start: number): number {
  const { text } = source;
  let at = start + 1;
  while (at < text.length) {
    const char = text[at];
    if (char === '"') return at + 1;
    if (char === '$') {
      at = substitutionEnd(source, at, text.length, '\\');
      if (at === -1) return -1;
    } else if (char === '\\' && (text[at + 1] === '"' || text[at + 1] === '$' || text[at + 1] === '\\')) at += 2;
    else at += 1;
  }
  return -1;
}

const OPENER = /^(\d*)<<(-?)([^<]+)$/;

/** A heredoc word, or null; `start` places it in the line. */
export function readOpener(word: string, start = 0): HeredocOpener | null {
  // A pattern is compiled when it is first used; most files have no heredoc.
  const match = word.includes('<<') ? OPENER.exec(word) : null;
  if (match === null) return null;
  const named = readName(match[3] ?? '');
  if (named === null) return null;
  return { ...named, fd: match[1] ?? '', chomp: match[2] === '-', start, end: start + word.length };
}

/** Removes quotes and escapes; null unless it is exactly one word. */
function readName(text: string): { name: string; expand: boolean } | null {
  let name = '';
  let expand = true;
  let ended = false;
  let at = 0;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  for (; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (isSpace(char.charCodeAt(0))) {
      ended = true;
      continue;
    }
    if (ended) return null;
    if (char === "'" || char === '"') {
      const quoted = readQuoted(text, at);
      if (quoted === null) return null;
      name += quoted.text;
      expand = false;
      at = quoted.end;
    } else if (char === '\\') {
      at += 1;
      name += text.charAt(at);
    } else name += char;
  }
  return name === '' ? null : { name, expand };
}

/** Content of the quotes that open at `at`, and the offset of the closing one. */
function readQuoted(text: string, at: number): { text: string; end: number } | null {
  const quote = text.charAt(at);
  let content = '';
  for (let next = at + 1; next < text.length; next += 1) {
    const char = text.charAt(next);
    if (char === quote) return { text: content, end: next };
    if (quote === '"' && char === '\\' && /["$\\]/.test(text.charAt(next + 1))) next += 1;
    content += text.charAt(next);
  }
  return null;
}
