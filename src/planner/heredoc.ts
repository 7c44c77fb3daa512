// Heredoc texts as the builder uses them (P-54, P-57…P-63).
import type { Heredoc } from '../parser/ast.ts';
import { chompTabs } from '../parser/heredoc-bodies.ts';

/** Body with leading tabs removed for `<<-`. */
export const chompedContent = (heredoc: Heredoc): string => (heredoc.chomp ? chompTabs(heredoc.content) : heredoc.content);

/** The RUN line holds nothing but one opener: fd, `<<`, `-`, and one shell word. */
const SOLE_OPENER = /^\s*\d*<<-?[ \t]*(?:[^\s'"\\<]|\\.|'[^'<]*'|"(?:[^"\\<]|\\.)*")+\s*$/;

export const isSoleOpener = (text: string): boolean => SOLE_OPENER.test(text);

/** A real shell heredoc: the line, then each body and terminator, verbatim (P-63). */
export function reassembled(text: string, heredocs: readonly Heredoc[]): string {
  return text + heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`).join('');
}

/** First line for progress: `(echo a...)`. */
export function summary(heredoc: Heredoc): string {
  const [first = '', ...others] = chompedContent(heredoc).trim().split('\n');
  return `${first.trim()}${others.length > 0 ? '...' : ''}`;
}
