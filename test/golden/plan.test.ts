// Golden plans: fixtures/plan/<case>/{Dockerfile,facts.json,plan.txt}. Config, history and environment
// order of these cases were compared with Docker's. UPDATE_GOLDEN=1 rewrites plan.txt.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type CaseFile, planCase } from './plan-case.ts';
import { describePlan } from './plan-text.ts';

const ROOT = new URL('../../fixtures/plan/', import.meta.url);
const cases = readdirSync(ROOT);

test('there are cases', () => {
  expect(cases.length).toBeGreaterThan(20);
});

test.each(cases)('%s', (name) => {
  const file = (leaf: string): URL => new URL(`${name}/${leaf}`, ROOT);
  const text = readFileSync(file('Dockerfile'), 'utf8');
  const facts: CaseFile = existsSync(file('facts.json')) ? JSON.parse(readFileSync(file('facts.json'), 'utf8')) : {};
  const plan = describePlan(planCase(text, facts), text);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file('plan.txt'), plan);
  expect(plan).toBe(readFileSync(file('plan.txt'), 'utf8'));
});
