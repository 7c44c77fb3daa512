// Texts of history entries, exactly as BuildKit writes them (R-03, C-38, I-02…I-14).
import type { Healthcheck } from '../core/descriptor.ts';
import { goDuration, goQuote, goQuoteList, goQuoteRune } from './go-quote.ts';
import type { OrderedMap } from './ordered-map.ts';
import type { Scope } from './scope.ts';

const SUFFIX = ' # buildkit';

/** An ARG that has been declared in the stage, with the value of its declaration. */
export interface DeclaredArg {
  readonly name: string;
  readonly value?: string;
}

/** Go's `%v` of a string list. */
const goList = (items: readonly string[]): string => `[${items.join(' ')}]`;

const pairList = (pairs: readonly (readonly [string, string])[]): string => pairs.map(([name, value]) => `${name}=${value}`).join(' ');

/** `RUN |2 a=1 b=2 /bin/sh -c cmd # buildkit`; every declared ARG once, at its first place, with the value now in force. */
export function runText(args: readonly string[], declared: OrderedMap<string | undefined>, scope: Scope): string {
  const pairs = declared.entries().map(([name, value]) => `${name}=${scope.get(name) ?? value ?? ''}`);
  const block = pairs.length === 0 ? [] : [`|${pairs.length}`, ...pairs];
  return `RUN ${[...block, ...args].join(' ')}${SUFFIX}`;
}

export interface CopyText {
  readonly keyword: 'COPY' | 'ADD';
  readonly parents: boolean;
  readonly chown?: string;
  readonly chmod?: string;
  /** Expanded, as written otherwise. */
  readonly sources: readonly string[];
  readonly documents: readonly string[];
  readonly dest: string;
}

export function copyText(copy: CopyText): string {
  const words = [
    copy.keyword,
    ...(copy.parents ? ['--parents'] : []),
    ...(copy.chown ? [`--chown=${copy.chown}`] : []),
    ...(copy.chmod ? [`--chmod=${copy.chmod}`] : []),
    ...copy.sources,
    ...copy.documents.map((name) => `<<${name}`),
    copy.dest,
  ];
  return `${words.join(' ')}${SUFFIX}`;
}

export const envText = (pairs: readonly (readonly [string, string])[]): string => `ENV ${pairList(pairs)}`;
export const labelText = (pairs: readonly (readonly [string, string])[]): string => `LABEL ${pairList(pairs)}`;
export const argText = (args: readonly DeclaredArg[]): string =>
  `ARG ${args.map((arg) => (arg.value === undefined ? arg.name : `${arg.name}=${arg.value}`)).join(' ')}`;
export const commandText = (keyword: 'CMD' | 'ENTRYPOINT', args: readonly string[]): string => `${keyword} ${goQuoteList(args)}`;
export const shellText = (args: readonly string[]): string => `SHELL ${goList(args)}`;
export const exposeText = (ports: readonly string[]): string => `EXPOSE ${goList(ports)}`;
export const volumeText = (volumes: readonly string[]): string => `VOLUME ${goList(volumes)}`;

/** Go's `%q` of the health struct: quoted test, durations as text, retries as a rune (I-11). */
export function healthcheckText(check: Healthcheck): string {
  const durations = [check.Interval, check.Timeout, check.StartPeriod, check.StartInterval];
  const fields = [
    goQuoteList(check.Test ?? []),
    ...durations.map((value) => goQuote(goDuration(value ?? 0))),
    goQuoteRune(check.Retries ?? 0),
  ];
  return `HEALTHCHECK &{${fields.join(' ')}}`;
}
