// The pages made from tables are those of the tables as they are now.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PAGES } from '../../../scripts/docs.ts';

test.each(Object.entries(PAGES))('%s is fresh (npm run docs makes it anew)', (path, page) => {
  expect(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')).toBe(page());
});
