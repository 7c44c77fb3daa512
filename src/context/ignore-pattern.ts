// One pattern of .dockerignore or COPY --exclude (K-05, K-06). Docker turns it into a regular
// expression by text replacement and so has corners no grammar describes (`[*]`, `\d`, `**x`);
// the same expression is made here, and the common shapes are answered by string comparison.
import { compileGlob } from './go-match.ts';
import { compileExpression, type Test } from './ignore-expression.ts';

export interface CompiledPattern {
  /** Cleaned, without `!`. */
  readonly text: string;
  /** `!`: a match makes the path visible again. */
  readonly exception: boolean;
  /** Whether a tree path matches, its parents not considered. */
  readonly test: Test;
}

type Shape = 'exact' | 'prefix' | 'suffix' | 'expression';

/** Characters Docker escapes because they mean something to regexp but nothing to filepath.Match. */
const ESCAPED = new Set('.+()|{}$');

/** Compiles `text`, or null when Docker refuses it ("syntax error in pattern"). */
export function compilePattern(text: string, exception: boolean): CompiledPattern | null {
  if (compileGlob(text) === null) return null;
  const { shape, source } = translate(text);
  const test = shape === 'expression' ? expressionTest(text, source) : stringTest(text, shape);
  return test === null ? null : { text, exception, test };
}

function stringTest(text: string, shape: Exclude<Shape, 'expression'>): Test {
  if (shape === 'exact') return (path) => path === text;
  if (shape === 'prefix') {
    const prefix = text.slice(0, -2);
    return (path) => path.startsWith(prefix);
  }
  const suffix = text.slice(2);
  const whole = suffix.startsWith('/') ? suffix.slice(1) : null;
  return (path) => path.endsWith(suffix) || path === whole;
}

/** Text without any meaning at either end of the pattern is compared first: most paths fail there. */
function expressionTest(text: string, source: string): Test | null {
  if (text === '*') return (path) => !path.includes('/');
  const test = compileExpression(source);
  if (test === null) return null;
  const head = /^[^*?[\]\\^]*/.exec(text)?.[0] ?? '';
  const tail = text.includes('[') || text.includes('\\') ? '' : (/[^*?\]^]*$/.exec(text)?.[0] ?? '');
  // After `**` a slash belongs to the wildcard and may be absent from the path.
  const end = text.slice(0, text.length - tail.length).endsWith('**') && tail.startsWith('/') ? tail.slice(1) : tail;
  return (path) => path.startsWith(head) && path.endsWith(end) && test(path);
}

/** Docker's replacement of pattern syntax by regexp syntax, step for step. */
function translate(text: string): { shape: Shape; source: string } {
  const chars = Array.from(text);
  let shape: Shape = 'exact';
  let source = '^';
  let at = 0;
  for (let step = 0; at < chars.length; step += 1) {
    const char = chars[at] ?? '';
    at += 1;
    if (char === '*' && chars[at] === '*') {
      at += 1;
      if (chars[at] === '/') at += 1;
      if (at < chars.length) {
        source += '(.*/)?';
        shape = 'expression';
      } else if (shape === 'exact') shape = 'prefix';
      else {
        source += '.*';
        shape = 'expression';
      }
      if (step === 0) shape = 'suffix';
    } else if (char === '*' || char === '?') {
      source += char === '*' ? '[^/]*' : '[^/]';
      shape = 'expression';
    } else if (char === '\\') {
      source += `\\${chars[at] ?? ''}`;
      at += 1;
      shape = 'expression';
    } else {
      source += ESCAPED.has(char) ? `\\${char}` : char;
      if (char === '[' || char === ']') shape = 'expression';
    }
  }
  return { shape, source: `${source}$` };
}
