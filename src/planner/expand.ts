// Expansion of a Word against a scope (V-01…V-20). Pure; the first error ends it, as in BuildKit.
// Names that were not set are reported so that the caller can warn (W-11).
import type { Span } from '../core/span.ts';
import type { Modifier, Word, WordPart } from '../parser/ast.ts';
import { parsePattern, removeAffix, replacePattern } from './pattern.ts';

export type Lookup = (name: string) => string | undefined;

export interface UnsetVariable {
  readonly name: string;
  readonly span: Span;
}

export type Expansion<T = string> =
  | { readonly ok: true; readonly value: T; readonly unset: readonly UnsetVariable[]; readonly used: ReadonlySet<string> }
  | {
      readonly ok: false;
      readonly message: string;
      readonly hint?: string;
      readonly span: Span;
      readonly reason: 'invalid' | 'required' | 'too-large';
      readonly unset: readonly UnsetVariable[];
    };

/** To spread into a diagnostic. */
export const hintOf = ({ hint }: { readonly hint?: string }): { readonly hint?: string } => (hint === undefined ? {} : { hint });

/** How much longer than its source a text may become: no program can receive such a variable, and `a=$a$a` repeated must not eat the memory. */
const MAX_TEXT = 1 << 20;
/** Bound of text × pattern for one substitution. */
const MAX_PATTERN_WORK = 1 << 24;

class ExpansionFailure {
  readonly message: string;
  readonly span: Span;
  readonly reason: 'invalid' | 'required' | 'too-large';
  readonly hint: string | undefined;
  constructor(message: string, span: Span, reason: 'invalid' | 'required' | 'too-large', hint?: string) {
    this.hint = hint;
    this.message = message;
    this.span = span;
    this.reason = reason;
  }
}

interface Run {
  readonly lookup: Lookup;
  /** By name: each is reported once, at its first place. */
  readonly unset: Map<string, UnsetVariable>;
  readonly used: Set<string>;
}

type VariablePart = Extract<WordPart, { type: 'variable' }>;

/** One text; quotes are gone, nothing splits. */
export function expandWord(word: Word, lookup: Lookup): Expansion {
  return guarded(lookup, (run) => expandParts(word, run));
}

/**
 * Text split at blanks that came from unquoted variables (EXPOSE, V-18); empty words vanish. As in
 * Docker, a variable with a modifier discards what its word holds so far, except for text between the
 * same double quotes: `8$a${b:-0}` is just `0`.
 */
export function expandWords(word: Word, lookup: Lookup): Expansion<readonly string[]> {
  return guarded(lookup, (run) => {
    const words: string[] = [];
    let current = '';
    /** Where the quoted text that is being read begins in `current`. */
    let quote = 0;
    for (const part of word.parts) {
      const text = expandPart(part, run);
      const quoted = part.type !== 'invalid' && part.quoted;
      if (!quoted) quote = current.length;
      if (part.type === 'variable' && part.modifier !== undefined) {
        current = current.slice(quote);
        quote = 0;
      }
      const [first = '', ...others] = part.type === 'variable' && !quoted ? text.split(/\s+/) : [text];
      current += first;
      for (const other of others) {
        words.push(current);
        current = other;
      }
      if (!quoted) quote = current.length;
    }
    return [...words, current].filter((text) => text !== '');
  });
}

function guarded<T>(lookup: Lookup, body: (run: Run) => T): Expansion<T> {
  const run: Run = { lookup, unset: new Map(), used: new Set() };
  try {
    return { ok: true, value: body(run), unset: [...run.unset.values()], used: run.used };
  } catch (error) {
    if (!(error instanceof ExpansionFailure)) throw error;
    const { message, span, reason, hint } = error;
    return { ok: false, message, span, reason, ...(hint !== undefined && { hint }), unset: [...run.unset.values()] };
  }
}

function expandParts(word: Word, run: Run): string {
  let out = '';
  for (const part of word.parts) {
    out += expandPart(part, run);
    if (out.length > MAX_TEXT + word.raw.length)
      throw new ExpansionFailure('the expanded text grows by more than 1 MiB', word.span, 'too-large');
  }
  return out;
}

function expandPart(part: WordPart, run: Run): string {
  switch (part.type) {
    case 'literal':
      return part.text;
    case 'invalid':
      throw new ExpansionFailure(part.message, part.span, 'invalid', part.hint);
    case 'variable': {
      const value = run.lookup(part.name);
      // Docker warns about an unset name even where a modifier gives a default.
      if (value !== undefined) run.used.add(part.name);
      else if (!run.unset.has(part.name)) run.unset.set(part.name, { name: part.name, span: part.span });
      return part.modifier === undefined ? (value ?? '') : applyModifier(part, part.modifier, value, run);
    }
  }
}

function applyModifier(part: VariablePart, modifier: Modifier, value: string | undefined, run: Run): string {
  switch (modifier.type) {
    case 'default': {
      const word = expandParts(modifier.word, run);
      return value === undefined || (modifier.colon && value === '') ? word : value;
    }
    case 'alternate': {
      const word = expandParts(modifier.word, run);
      return value === undefined || (modifier.colon && value === '') ? '' : word;
    }
    case 'require': {
      const word = expandParts(modifier.word, run);
      if (value !== undefined && !(modifier.colon && value === '')) return value;
      const message = word !== '' ? word : `is not allowed to be ${value === undefined ? 'unset' : 'empty'}`;
      throw new ExpansionFailure(`${part.name}: ${message}`, part.span, 'required');
    }
    case 'remove':
    case 'replace':
      // A pattern may match the nothing of an unset variable, too.
      return applyPattern(part, modifier, value ?? '', run);
  }
}

function applyPattern(part: VariablePart, modifier: Extract<Modifier, { type: 'remove' | 'replace' }>, value: string, run: Run): string {
  const pattern = expandParts(modifier.pattern, run);
  const replacement = modifier.type === 'replace' ? expandParts(modifier.replacement, run) : '';
  const parsed = parsePattern(pattern);
  if ('error' in parsed) {
    throw new ExpansionFailure(`invalid pattern (${pattern}) in substitution: ${parsed.error}`, modifier.pattern.span, 'invalid');
  }
  if (value.length * pattern.length > MAX_PATTERN_WORK) {
    throw new ExpansionFailure('text and pattern of this substitution are too long', part.span, 'too-large');
  }
  return modifier.type === 'remove'
    ? removeAffix(value, parsed.tokens, modifier.side, modifier.longest)
    : replacePattern(value, parsed.tokens, replacement, modifier.all);
}

/**
 * Text for progress only: plain `$name` and `${name}` that are set are filled in, everything else and
 * all quoting stays as written. `mask` names are shown as `****` (M-55).
 */
export function expandForDisplay(text: string, lookup: Lookup, mask: ReadonlySet<string>): string {
  if (!text.includes('$')) return text;
  return text.replace(
    /'[^']*'|\\[\s\S]|\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g,
    (whole, bare?: string, braced?: string) => {
      const name = bare ?? braced;
      if (name === undefined) return whole;
      return mask.has(name) ? '****' : (lookup(name) ?? whole);
    },
  );
}
