// Patterns for names of targets: `*`, `?` and `[a-z]`, as Go's path.Match reads them.
import { Re2 } from '../core/re2/re2.ts';
import { Re2Problem } from '../core/re2/re2-node.ts';

/** A malformed pattern matches nothing. */
export function matchPattern(pattern: string, name: string): boolean {
  const expression = patternExpression(pattern);
  return expression?.test(name) ?? false;
}

export const hasWildcard = (text: string): boolean => /[*?[]/.test(text);

function patternExpression(pattern: string): Re2 | null {
  let source = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const char = pattern.charAt(at);
    if (char === '*') source += source.endsWith('[^/]*') ? '' : '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const end = pattern.indexOf(']', at + 2);
      if (end === -1) return null;
      source += `[${pattern.slice(at + 1, end).replace(/[[\]\\]/g, '\\$&')}]`;
      at = end;
    } else {
      if (char === '\\') at += 1;
      const literal = pattern.charAt(at);
      if (literal === '') return null;
      source += literal.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
    }
  }
  try {
    return new Re2(`(?s)^${source}$`);
  } catch (error) {
    if (error instanceof Re2Problem) return null;
    throw error;
  }
}
