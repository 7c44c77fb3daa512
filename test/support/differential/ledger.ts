// The ledger of behaviours: which test shows each of them, or why it differs from Docker. Evidence is
// collected from the cases of fixtures/differential and from test/differential/evidence.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { differentialCases, idsOf } from './case.ts';

const HOME = fileURLToPath(new URL('../../../', import.meta.url));

export interface Behaviour {
  readonly id: string;
  readonly words: string;
  /** Paths of tests, or of cases that tests run. */
  readonly shownBy: readonly string[];
  /** Why it is deliberately not as in Docker. */
  readonly difference?: string;
}

const json = <T>(name: string): T => JSON.parse(readFileSync(join(HOME, 'test/differential', name), 'utf8')) as T;

export const evidence = (): Readonly<Record<string, readonly [path: string, text: string]>> => json('evidence.json');

/** Whether the file of a piece of evidence still says what is claimed. */
export const holds = ([path, text]: readonly [string, string]): boolean => readFileSync(join(HOME, path), 'utf8').includes(text);

export function ledger(): Behaviour[] {
  const cases = new Map<string, string[]>();
  for (const one of differentialCases()) {
    for (const id of idsOf(one)) cases.set(id, [...(cases.get(id) ?? []), `fixtures/differential/${one.name}`]);
  }
  const other = evidence();
  const differences = json<Readonly<Record<string, string>>>('differences.json');
  const lines = readFileSync(join(HOME, 'test/differential/behaviours.txt'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [id = '', ...words] = line.split(' ');
    const found = other[id];
    const difference = differences[id];
    return {
      id,
      words: words.join(' '),
      shownBy: [...(cases.get(id) ?? []), ...(found === undefined ? [] : [found[0]])],
      ...(difference !== undefined && { difference }),
    };
  });
}

const MOST_SHOWN = 4;

/** docs/compatibility.md. */
export function compatibilityPage(): string {
  const rows = ledger().map(({ id, words, shownBy, difference }) => {
    const shown = shownBy.slice(0, MOST_SHOWN).map((path) => `\`${path.replace('fixtures/differential/', '')}\``);
    const more = shownBy.length > MOST_SHOWN ? [`and ${shownBy.length - MOST_SHOWN} more`] : [];
    return `| ${id} | ${words} | ${[...shown, ...more].join(', ')} | ${difference ?? ''} |`;
  });
  return [
    '# Compatibility with Docker',
    '<!-- Made by `node scripts/ledger.ts` from test/differential and fixtures/differential; edit those. -->',
    '',
    'Every behaviour of the Dockerfile language, the tests that show it, and the deliberate differences. Names without a folder',
    'are cases of `fixtures/differential`: small builds whose image was recorded from Docker, and which tsbuild must make alike.',
    '',
    '| id | behaviour | shown by | difference |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
