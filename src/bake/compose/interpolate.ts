// `${NAME}` in compose files: `$NAME`, `${NAME:-default}`, `${NAME-default}`, `${NAME:?message}`,
// `${NAME?message}`, `${NAME:+other}`, `${NAME+other}`, nested, and `$$` for a dollar.

export type Interpolated = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly reason: string };

type Environment = Readonly<Record<string, string | undefined>>;

class Refused extends Error {}

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const DEEPEST = 50;

export function interpolate(text: string, environment: Environment): Interpolated {
  if (!text.includes('$')) return { ok: true, text };
  try {
    return { ok: true, text: expand(text, environment, 0) };
  } catch (error) {
    if (error instanceof Refused) return { ok: false, reason: error.message };
    throw error;
  }
}

function expand(text: string, environment: Environment, depth: number): string {
  if (depth > DEEPEST) throw new Refused('the variables are nested too deeply');
  let result = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar === -1) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === '$') {
      result += '$';
      at = dollar + 2;
    } else if (next === '{') {
      const end = closing(text, dollar + 2);
      result += substitute(text.slice(dollar + 2, end), environment, depth);
      at = end + 1;
    } else {
      NAME.lastIndex = dollar + 1;
      const name = NAME.exec(text)?.[0];
      if (name === undefined) throw new Refused(`invalid interpolation in ${JSON.stringify(text)}: write $$ for a dollar`);
      result += environment[name] ?? '';
      at = dollar + 1 + name.length;
    }
  }
  return result;
}

/** Offset of the brace that closes `${`. */
function closing(text: string, start: number): number {
  let open = 1;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '{' && text[at - 1] === '$') open += 1;
    if (text[at] === '}') open -= 1;
    if (open === 0) return at;
  }
  throw new Refused(`\${ is not closed in ${JSON.stringify(text)}`);
}

function substitute(inside: string, environment: Environment, depth: number): string {
  NAME.lastIndex = 0;
  const name = NAME.exec(inside)?.[0];
  const [, colon = '', operator = '', rest = ''] = /^(:?)([-?+]?)([\s\S]*)$/.exec(inside.slice(name?.length ?? 0)) ?? [];
  if (name === undefined || (operator === '' && (rest !== '' || colon !== ''))) throw new Refused(`invalid interpolation \${${inside}}`);
  const value = environment[name];
  const given = value !== undefined && (colon === '' || value !== '');
  switch (operator) {
    case '-':
      return given ? (value ?? '') : expand(rest, environment, depth + 1);
    case '+':
      return given ? expand(rest, environment, depth + 1) : '';
    case '?':
      if (given) return value ?? '';
      throw new Refused(`variable ${name} has no value${rest === '' ? '' : `: ${expand(rest, environment, depth + 1)}`}`);
    default:
      return value ?? '';
  }
}
