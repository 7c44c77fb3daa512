// Functions where the golden cases cannot look: randomness, the clock, failures.
import { describe, expect, test } from 'vitest';
import { bcryptHash } from '../../../src/bake/functions/bcrypt.ts';
import { resolveBake } from '../../../src/bake/resolve-bake.ts';

function evaluated(expression: string): string {
  const text = `target "default" {\n  args = { x = ${expression} }\n}\n`;
  const request = {
    files: [{ name: 'docker-bake.hcl', text }],
    read: () => null,
    targets: [],
    overrides: [],
    environment: {},
    localPlatform: 'linux/amd64',
    now: '2026-01-02T03:04:05Z',
  };
  const { targets, diagnostics } = resolveBake(request);
  return targets[0]?.args?.get('x') ?? diagnostics[0]?.diagnostic.message ?? '';
}

describe('bcrypt', () => {
  // Vectors of the original implementation (crypt_blowfish).
  test.each([
    ['U*U', 'CCCCCCCCCCCCCCCCCCCCC.', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['', 'CCCCCCCCCCCCCCCCCCCCC.', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy'],
  ])('of %j', (password, _, hash) => {
    const salt = Buffer.from('10410410410410410410410410410410', 'hex');
    expect(bcryptHash(password, 5, salt)).toBe(hash);
  });
});

test.each([
  ['timestamp()', '2026-01-02T03:04:05Z'],
  ['convert("5", number) + 1', '6'],
  ['jsonencode(convert(["1", 2], list(number)))', '[1,2]'],
  ['try(upper(1, 2), "other")', 'other'],
  ['can(upper("a"))', 'true'],
  ['5 / 0', 'division by zero'],
  ['element([], 0)', 'element(): an empty list has no elements'],
  ['range(100000)', 'range(): more than 1024 values were generated; check the limits'],
  ['regex("(", "x")', 'regex(): the pattern "(" has a ( without its )'],
  ['jsondecode("[1,2")', 'jsondecode(): the text is not JSON'],
  ['cidrhost("10.0.0.0/33", 1)', 'cidrhost(): "10.0.0.0/33" is not a network like 10.0.0.0/8'],
  ['formatdate("YYYY", "2020-02-30T00:00:00Z")', 'formatdate(): "2020-02-30T00:00:00Z" is not a time like 2006-01-02T15:04:05Z'],
  ['uuidv5("nope", "x")', 'uuidv5(): the namespace is dns, url, oid, x500 or a UUID'],
  ['bcrypt("x", 31)', 'bcrypt(): the cost must be a whole number up to 16'],
])('%s gives %j', (expression, expected) => expect(evaluated(expression)).toBe(expected));

test('expressions too deep to evaluate are refused', () => {
  expect(evaluated(`${'!'.repeat(100_000)}true`)).toContain('nested too deeply');
});

test('a function that calls itself without end is refused', () => {
  const text = 'function "f" {\n  params = [x]\n  result = f(x)\n}\ntarget "default" { args = { x = f(1) } }\n';
  const result = resolveBake({
    files: [{ name: 'a.hcl', text }],
    read: () => null,
    targets: [],
    overrides: [],
    environment: {},
    localPlatform: 'linux/amd64',
    now: '',
  });
  expect(result.diagnostics[0]?.diagnostic.message).toContain('calls itself without end');
});

test('targets with one tag are conflicts with both places', () => {
  const text =
    'group "default" { targets = ["a", "b"] }\ntarget "a" { tags = ["acme/app"] }\ntarget "b" { tags = ["docker.io/acme/app:latest"] }\n';
  const result = resolveBake({
    files: [{ name: 'a.hcl', text }],
    read: () => null,
    targets: [],
    overrides: [],
    environment: {},
    localPlatform: 'linux/amd64',
    now: '',
  });
  expect(result.diagnostics).toEqual([]);
  const [conflict] = result.conflicts;
  expect(conflict?.diagnostic.code).toBe('bake/tag-conflict');
  expect(text.slice(conflict?.diagnostic.span?.start, conflict?.diagnostic.span?.end)).toBe('target "b" {');
  expect(conflict?.diagnostic.labels?.map((label) => text.slice(label.span.start, label.span.end))).toEqual(['target "a" {']);
});
