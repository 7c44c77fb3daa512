// Compose files that want to keep a reader busy: what is wrong is found in time that grows with the file.
import { describe, expect, test } from 'vitest';
import * as yaml from 'yaml';
import { dotenv } from '../../../src/bake/compose/dotenv.ts';
import { resolveBake } from '../../../src/bake/resolve-bake.ts';

const errorsOf = (text: string): number =>
  resolveBake({
    files: [{ name: 'compose.yaml', text }],
    read: () => null,
    yaml,
    targets: [],
    overrides: [],
    environment: {},
    localPlatform: 'linux/amd64',
    now: '',
  }).diagnostics.filter(({ diagnostic }) => diagnostic.severity === 'error').length;

const many = (count: number, line: (at: number) => string): string => Array.from({ length: count }, (_, at) => line(at)).join('');

describe('hostile compose files', () => {
  test.each([
    ['bad variables', `services:\n  web:\n    build:\n      args:\n${many(20_000, (at) => `        a${at}: \${\n`)}`],
    ['unknown properties', `services:\n  web:\n    build:\n${many(20_000, (at) => `      k${at}: x\n`)}`],
    ['bad services', `services:\n${many(5_000, (at) => `  s${at}: { build: { shm_size: lots } }\n`)}`],
  ])('%s are shown up to a limit', (_name, text) => expect(errorsOf(text)).toBe(20));

  test('a .env file of blanks and open quotes', () => {
    const text = `A=${' '.repeat(200_000)}x\nB=${'"'.repeat(100_000)}\nC='${"'".repeat(3)}\n${'export '.repeat(50_000)}\nD=1 # c\n`;
    expect(dotenv(text, {})).toMatchObject({ A: 'x', D: '1' });
  });
});
