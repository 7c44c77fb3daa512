// Shell patterns of `${v#p}`, `${v%p}` and `${v/p/r}` (V-09…V-12): `*`, `?` and escapes. Matching
// simulates all alternatives at once, so its time is text × pattern whatever the pattern.

export type PatternToken = { readonly type: 'char'; readonly char: string } | { readonly type: 'any' } | { readonly type: 'many' };

/** Tokens of a pattern, or a message for an escape that is not allowed (V-11). */
export function parsePattern(text: string): { readonly tokens: readonly PatternToken[] } | { readonly error: string } {
  const tokens: PatternToken[] = [];
  const chars = [...text];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? '';
    if (char === '*') tokens.push({ type: 'many' });
    else if (char === '?') tokens.push({ type: 'any' });
    else if (char !== '\\') tokens.push({ type: 'char', char });
    else {
      const escaped = chars[at + 1];
      // The delimiters lose their backslash and are then read as plain text.
      if (escaped === '}' || escaped === '/') continue;
      if (escaped !== '*' && escaped !== '?' && escaped !== '\\') return { error: `invalid escape '\\${escaped ?? ''}'` };
      tokens.push({ type: 'char', char: escaped });
      at++;
    }
  }
  return { tokens };
}

interface Match {
  readonly start: number;
  readonly end: number;
}

interface Search {
  readonly from: number;
  /** Only matches that begin exactly at `from`. */
  readonly anchored: boolean;
  readonly longest: boolean;
}

/**
 * Leftmost match in `chars`. State i means "tokens before i are matched" and carries the earliest
 * start that reaches it: whatever a later start can still match, the earliest can too.
 */
function findMatch(tokens: readonly PatternToken[], chars: readonly string[], search: Search): Match | null {
  let states = new Map<number, number>();
  let best: Match | null = null;
  const enter = (into: Map<number, number>, state: number, start: number): void => {
    for (let at = state; ; at++) {
      if ((into.get(at) ?? Number.POSITIVE_INFINITY) <= start) return;
      into.set(at, start);
      if (tokens[at]?.type !== 'many') return;
    }
  };
  for (let at = search.from; at <= chars.length; at++) {
    if (best === null && (at === search.from || !search.anchored)) enter(states, 0, at);
    const accepted = states.get(tokens.length);
    if (accepted !== undefined && (best === null || accepted <= best.start)) {
      best = { start: accepted, end: at };
      if (!search.longest) return best;
    }
    const char = chars[at];
    if (char === undefined) break;
    const next = new Map<number, number>();
    for (const [state, start] of states) {
      if (best !== null && start > best.start) continue;
      const token = tokens[state];
      if (token === undefined) continue;
      if (token.type === 'char' ? token.char === char : char !== '\n') enter(next, token.type === 'many' ? state : state + 1, start);
    }
    states = next;
    if (states.size === 0 && (best !== null || search.anchored)) break;
  }
  return best;
}

/** `${v#p}` and `${v##p}`; `${v%p}` is the same on reversed text and tokens. */
export function removeAffix(value: string, tokens: readonly PatternToken[], side: 'prefix' | 'suffix', longest: boolean): string {
  const chars = [...value];
  if (side === 'prefix') {
    const match = findMatch(tokens, chars, { from: 0, anchored: true, longest });
    return match === null ? value : chars.slice(match.end).join('');
  }
  const reversed = chars.toReversed();
  const match = findMatch(tokens.toReversed(), reversed, { from: 0, anchored: true, longest });
  return match === null ? value : reversed.slice(match.end).reverse().join('');
}

/** `${v/p/r}` (first match, replacement verbatim) and `${v//p/r}` (each match, replacement a Go regexp template). */
export function replacePattern(value: string, tokens: readonly PatternToken[], replacement: string, all: boolean): string {
  const chars = [...value];
  if (!all) {
    const match = findMatch(tokens, chars, { from: 0, anchored: false, longest: true });
    return match === null ? value : chars.slice(0, match.start).join('') + replacement + chars.slice(match.end).join('');
  }
  const template = expandTemplate(replacement);
  let out = '';
  let copied = 0;
  let from = 0;
  let previousEnd = -1;
  while (from <= chars.length) {
    const match = findMatch(tokens, chars, { from, anchored: false, longest: true });
    if (match === null) break;
    out += chars.slice(copied, match.start).join('');
    copied = match.start;
    // An empty match right after another match does not count, as in Go.
    if (match.end > match.start || match.start !== previousEnd) {
      out += template;
      copied = match.end;
      previousEnd = match.end;
    }
    from = match.end > match.start ? match.end : match.end + 1;
  }
  return out + chars.slice(copied).join('');
}

/** Go's regexp.Expand without groups: `$$` is a dollar, `$name` and `${name}` are empty (V-12). */
const expandTemplate = (text: string): string =>
  text.replace(/\$(\$|[A-Za-z0-9_]+|\{[A-Za-z0-9_]+\})/g, (_, what: string) => (what === '$' ? '$' : ''));
