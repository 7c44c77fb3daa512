// Files of environment variables as compose reads them: `NAME=VALUE` lines, values in quotes, comments.
import { interpolate } from './interpolate.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const NAME = /[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.]*)[ \t]*[=:][ \t]*/y;
const DOUBLE = /"((?:[^"\\]|\\.)*)"/sy;
const SINGLE = /'([^']*)'/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** Values outside of single quotes see `environment` and the lines above. */
export function dotenv(source: string, environment: Environment): Record<string, string> {
  const text = source.replaceAll('\r\n', '\n');
  const entries: Record<string, string> = {};
  const match = (pattern: RegExp, from: number): RegExpExecArray | null => {
    pattern.lastIndex = from;
    return pattern.exec(text);
  };
  for (let at = 0; at < text.length; ) {
    const name = match(NAME, at);
    const start = at + (name?.[0].length ?? 0);
    const double = match(DOUBLE, start);
    const single = match(SINGLE, start);
    const newline = text.indexOf('\n', start + (double ?? single ?? [''])[0].length);
    const end = newline === -1 ? text.length : newline;
    if (name !== null) {
      const value = double === null ? (single?.[1] ?? withoutComment(text.slice(start, end))) : unescaped(double[1] ?? '');
      const expanded = single === null ? interpolate(value, { ...entries, ...environment }) : null;
      entries[name[1] ?? ''] = expanded?.ok === true ? expanded.text : value;
    }
    at = end + 1;
  }
  return entries;
}

const unescaped = (text: string): string => text.replace(/\\(.)/gs, (_, char: string) => ESCAPES[char] ?? `\\${char}`);

/** A comment begins with a # behind a blank. */
function withoutComment(text: string): string {
  for (let at = text.indexOf('#'); at !== -1; at = text.indexOf('#', at + 1)) {
    const before = text[at - 1];
    if (before === undefined || before === ' ' || before === '\t') return text.slice(0, at).trimEnd();
  }
  return text.trimEnd();
}
