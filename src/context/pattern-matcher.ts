// Decides with a list of ignore patterns whether a path is left out (K-07): the last matching
// pattern wins, what matched a directory matches everything below it, `!` makes visible again.
import type { Diagnostic } from '../core/diagnostic.ts';
import { TsbuildError } from '../core/errors.ts';
import { cleanPath } from './clean-path.ts';
import { type IgnoreRule, trimSpace } from './ignore-file.ts';
import { type CompiledPattern, compilePattern } from './ignore-pattern.ts';

/** Which patterns matched a directory, by index; a child inherits them. */
export type ParentMatch = Uint8Array;

export interface PatternMatcher {
  readonly rules: readonly IgnoreRule[];
  /** Whether a walk from the root would leave `path` out. */
  matches(path: string): boolean;
  /** The rule that leaves `path` out, or that makes it visible again, or null when none has a say. */
  explain(path: string): IgnoreRule | null;
  /**
   * One step of a walk: index of the deciding rule for `path`, or -1. `parent` is what its directory
   * filled (null at the root); `own`, when given, is filled for the children of `path`.
   */
  decide(path: string, parent: ParentMatch | null, own: ParentMatch | null): number;
  /** Whether the rule with this index leaves out. */
  excludes(index: number): boolean;
  /** Whether a walk enters the excluded directory `path` because an exception may apply below it. */
  mayReincludeBelow(path: string): boolean;
}

interface Compiled {
  readonly matcher: PatternMatcher;
  /** Malformed patterns; a build with one of them fails. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Compiles the rules of the ignore file shown as `name`. Malformed ones are reported and left out. */
export function compileRules(rules: readonly IgnoreRule[], name: string): Compiled {
  const diagnostics: Diagnostic[] = [];
  const kept: IgnoreRule[] = [];
  const patterns: CompiledPattern[] = [];
  for (const rule of rules) {
    // A second cleaning after `!` was put back is part of the dialect: `!/` becomes a lone `!`.
    const text = trimSpace(rule.pattern);
    if (text === '') continue;
    const cleaned = cleanPath(text);
    const exception = cleaned.startsWith('!');
    const pattern = cleaned === '!' ? null : compilePattern(exception ? cleaned.slice(1) : cleaned, exception);
    if (pattern === null) diagnostics.push(malformed(rule, name, cleaned === '!'));
    else {
      patterns.push(pattern);
      kept.push(rule);
    }
  }
  return { matcher: new RuleMatcher(kept, patterns), diagnostics };
}

function malformed(rule: IgnoreRule, name: string, lone: boolean): Diagnostic {
  return {
    code: 'context/bad-ignore-pattern',
    severity: 'error',
    message: lone
      ? `${name}:${rule.line}: illegal exclusion pattern: "!" stands alone`
      : `${name}:${rule.line}: syntax error in pattern ${JSON.stringify(rule.text)}`,
    hint: lone
      ? 'Write the path to make visible again after the "!", or remove the line.'
      : 'Close every "[" with "]" and put a backslash before a character that should be taken literally.',
  };
}

/** Compiles the values of --exclude flags (C-37). Throws context/bad-pattern for the first malformed one. */
export function compilePatterns(patterns: readonly string[]): PatternMatcher {
  const rules = patterns.map((pattern, index) => ({ pattern, text: pattern, line: index + 1 }));
  const { matcher, diagnostics } = compileRules(rules, '--exclude');
  const first = diagnostics[0];
  if (first !== undefined) {
    throw new TsbuildError({
      code: 'context/bad-pattern',
      message: first.message,
      ...(first.hint === undefined ? {} : { hint: first.hint }),
    });
  }
  return matcher;
}

/** Characters that keep Docker from telling by prefix whether an exception reaches below a directory. */
const SPECIAL = /[*[\]?^\\]/;

class RuleMatcher implements PatternMatcher {
  readonly rules: readonly IgnoreRule[];
  readonly #patterns: readonly CompiledPattern[];
  /** `dir/` of every exception, or null when one has wildcards in the middle: then every directory is entered. */
  readonly #exceptionRoots: readonly string[] | null;

  constructor(rules: readonly IgnoreRule[], patterns: readonly CompiledPattern[]) {
    this.rules = rules;
    this.#patterns = patterns;
    const roots = patterns.filter((pattern) => pattern.exception).map((pattern) => withoutTrailingGlob(pattern.text));
    this.#exceptionRoots = roots.some((root) => SPECIAL.test(root)) ? null : roots.map((root) => `${root}/`);
  }

  decide(path: string, parent: ParentMatch | null, own: ParentMatch | null): number {
    const patterns = this.#patterns;
    let excluded = false;
    let decider = -1;
    for (let index = 0; index < patterns.length; index += 1) {
      const pattern = patterns[index] as CompiledPattern;
      let match = parent !== null && parent[index] === 1;
      // A pattern that could not change the verdict is not tried, and so is not inherited either.
      if (!match && pattern.exception === excluded) match = pattern.test(path);
      if (own !== null) own[index] = match ? 1 : 0;
      if (match && excluded === pattern.exception) {
        excluded = !excluded;
        decider = index;
      }
    }
    return decider;
  }

  excludes(index: number): boolean {
    return index >= 0 && this.#patterns[index]?.exception === false;
  }

  mayReincludeBelow(path: string): boolean {
    return this.#exceptionRoots === null || this.#exceptionRoots.some((root) => root.startsWith(`${path}/`));
  }

  matches(path: string): boolean {
    return this.excludes(this.#decideFromRoot(path));
  }

  explain(path: string): IgnoreRule | null {
    return this.rules[this.#decideFromRoot(path)] ?? null;
  }

  #decideFromRoot(path: string): number {
    if (this.#patterns.length === 0 || path === '') return -1;
    let parent: ParentMatch | null = null;
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      const dir = path.slice(0, end);
      const own: ParentMatch = new Uint8Array(this.#patterns.length);
      const decider = this.decide(dir, parent, own);
      if (this.excludes(decider) && !this.mayReincludeBelow(dir)) return decider;
      parent = own;
    }
    return this.decide(path, parent, null);
  }
}

function withoutTrailingGlob(text: string): string {
  const once = text.endsWith('/**') ? text.slice(0, -3) : text;
  return once.endsWith('/*') ? once.slice(0, -2) : once;
}
