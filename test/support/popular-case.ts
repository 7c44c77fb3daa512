// A case of fixtures/popular: a Dockerfile in the style of a well-known image, flags that give it base images,
// a few files of its context, and in expected.txt what Docker's checks say of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const flagsOf = (path: string): string[] => ['--call=check', ...readFileSync(join(path, 'flags.txt'), 'utf8').trim().split('\n')];

/** `LINE RULE: TEXT` of each finding in the text of --call=check, sorted. `kind` is WARNING, or ADVICE for ours alone. */
export function findingsIn(text: string, kind: 'WARNING' | 'ADVICE'): string[] {
  const found = text.matchAll(new RegExp(`^${kind}: (\\w+).*\\n(.*)\\n[^:\n]*:(\\d+)`, 'gm'));
  return [...found]
    .map(([, rule, detail, line]) => `${line} ${rule}: ${detail}`)
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
}
