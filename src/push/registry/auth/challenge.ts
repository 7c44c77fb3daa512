// The WWW-Authenticate header (RFC 9110, 11.6.1): which schemes a server offers, with their parameters.

export interface Challenge {
  /** Lower case: `basic`, `bearer`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const BLANK = /[\s,]*/y;
const EQUALS = /[ \t]*=[ \t]*/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[\s,]|$)/y;

/** All challenges of one header value, several values joined by commas included. Malformed rests are dropped. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(header);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < header.length) {
    take(BLANK);
    const word = take(TOKEN)?.[0];
    if (word === undefined) break;
    const current = challenges.at(-1);
    const start = at;
    if (current && take(EQUALS)) {
      const value = take(QUOTED)?.[1]?.replace(/\\(.)/g, '$1') ?? take(TOKEN)?.[0];
      if (value !== undefined) {
        // defineProperty-like assignment through a null prototype keeps `__proto__` a plain name.
        current.parameters[word.toLowerCase()] ??= value;
        continue;
      }
      at = start;
    }
    challenges.push({ scheme: word.toLowerCase(), parameters: Object.create(null) as Record<string, string> });
    skipToken68(take, header, () => at);
  }
  return challenges;
}

/** `Negotiate abc==`: credentials-like data without a name, which no scheme we speak uses. */
function skipToken68(take: (pattern: RegExp) => RegExpExecArray | null, header: string, at: () => number): void {
  const rest = header.slice(at());
  if (/^[ \t]+[A-Za-z0-9\-._~+/]+=*[ \t]*(,|$)/.test(rest)) {
    take(/[ \t]+/y);
    take(TOKEN68);
  }
}
