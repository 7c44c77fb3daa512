// Documents agree with the source: generated pages are fresh, links lead somewhere, every decision is listed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAGES } from '../../../scripts/docs.ts';

const home = new URL('../../..', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(home, path), 'utf8');
const documents = ['.', 'docs', 'docs/adr'].flatMap((folder) =>
  readdirSync(join(home, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

test.each(Object.entries(PAGES))('%s is fresh (npm run docs makes it anew)', (path, page) => {
  expect(read(path)).toBe(page());
});

describe.each(documents)('%s', (path) => {
  test('links to what exists', () => {
    const links = [...read(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => !/^https?:/.test(link) && !existsSync(join(home, dirname(path), link)));
    expect(broken).toEqual([]);
  });
});

test('the index of decisions lists every decision', () => {
  const index = read('docs/adr/0000-index.md');
  const missing = readdirSync(join(home, 'docs/adr')).filter((name) => name !== '0000-index.md' && !index.includes(`](${name})`));
  expect(missing).toEqual([]);
});

test('the scripts that documents name exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = documents.flatMap((path) => [...read(path).matchAll(/npm run ([\w-]+)/g)].map(([, name = '']) => name));
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});
