// The bodies that follow a line with heredocs, and their conversion to AST nodes (P-53 to P-58).
import type { Heredoc } from './ast.ts';
import type { HeredocOpener } from './heredoc-openers.ts';
import { contentEnd, nextLine } from './logical-line.ts';
import { type MappedText, mappedTextBuilder, type Range, spanOf } from './mapped-text.ts';
import { parseWholeWord } from './words.ts';

export interface HeredocBody {
  readonly opener: HeredocOpener;
  /** Source range of the body without its terminator line. */
  readonly content: Range;
  /** End of the terminator's text, or of the file when it is missing. */
  readonly end: number;
  readonly terminated: boolean;
}

/** Reads the bodies from `offset` in order; reading stops after one that is not terminated (P-55). */
export function readBodies(text: string, offset: number, openers: readonly HeredocOpener[]): { bodies: HeredocBody[]; next: number } {
  const bodies: HeredocBody[] = [];
  let start = offset;
  for (const opener of openers) {
    let at = start;
    let found = false;
    while (at < text.length && !found) {
      const next = nextLine(text, at);
      const end = contentEnd(text, at, next);
      if (isTerminator(text, at, end, opener)) {
        bodies.push({ opener, content: { start, end: at }, end, terminated: true });
        start = next;
        found = true;
      }
      at = next;
    }
    if (!found) {
      bodies.push({ opener, content: { start, end: text.length }, end: text.length, terminated: false });
      return { bodies, next: text.length };
    }
  }
  return { bodies, next: start };
}

function isTerminator(text: string, start: number, end: number, opener: HeredocOpener): boolean {
  let from = start;
  if (opener.chomp) while (from < end && text.charCodeAt(from) === 0x09) from += 1;
  return end - from === opener.name.length && text.startsWith(opener.name, from);
}

/** AST node of a body; `withBody` asks for the parsed body of an unquoted COPY/ADD document. */
export function heredocNode(source: MappedText, fileText: string, body: HeredocBody, withBody: boolean): Heredoc {
  const { opener, content } = body;
  const raw = fileText.slice(content.start, content.end);
  return {
    name: opener.name,
    fd: opener.fd,
    expand: opener.expand,
    chomp: opener.chomp,
    content: raw,
    span: spanOf(source, opener.start, opener.end),
    contentSpan: content,
    ...(withBody && opener.expand ? { body: parseWholeWord(bodyText(raw, content.start, opener.chomp), '\\', { quotes: false }) } : {}),
  };
}

function bodyText(raw: string, origin: number, chomp: boolean): MappedText {
  const builder = mappedTextBuilder();
  let at = 0;
  while (at < raw.length) {
    const next = nextLine(raw, at);
    let from = at;
    if (chomp) while (from < next && raw.charCodeAt(from) === 0x09) from += 1;
    builder.append(raw.slice(from, next), origin + from);
    at = next;
  }
  return builder.finish(origin);
}

/** Content as used: leading tabs of each line removed for `<<-` (P-54). */
export const chompTabs = (content: string): string => content.replace(/(^|\n)\t+/g, '$1');
