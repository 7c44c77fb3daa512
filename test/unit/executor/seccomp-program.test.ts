// Runs the compiled filter in a small BPF interpreter.
import { describe, expect, test } from 'vitest';
import { ALLOWED, CONDITIONAL } from '../../../src/executor/sandbox/confinement/allowed-syscalls.ts';
import { compileFilter, parseTable } from '../../../src/executor/sandbox/confinement/seccomp-program.ts';

const ALLOW = 0x7fff0000;
const DENY = 0x00050001;
const UNKNOWN = 0x00050026;
const AUDIT = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 } as const;

/** Result of the filter for one call, and the number of instructions it took. */
function runFilter(
  program: Buffer,
  architecture: number,
  number: number,
  argument = 0,
): { readonly action: number; readonly steps: number } {
  const words = new Map([
    [0, number],
    [4, architecture],
    [16, argument],
  ]);
  let accumulator = 0;
  let steps = 0;
  for (let at = 0; at < program.length / 8; at += 1) {
    steps += 1;
    const value = program.readUInt32LE(at * 8 + 4);
    switch (program.readUInt16LE(at * 8)) {
      case 0x20:
        accumulator = words.get(value) ?? 0;
        break;
      case 0x54:
        accumulator = (accumulator & value) >>> 0;
        break;
      case 0x05:
        at += value;
        break;
      case 0x15:
        at += program[at * 8 + (accumulator === value ? 2 : 3)] ?? 0;
        break;
      case 0x35:
        at += program[at * 8 + (accumulator >= value ? 2 : 3)] ?? 0;
        break;
      case 0x06:
        return { action: value, steps };
      default:
        throw new Error(`instruction ${at}`);
    }
  }
  throw new Error('the program ended without an answer');
}

const compiled = (arch: string): Buffer => compileFilter(arch) ?? Buffer.alloc(0);

describe.each([
  ['x64', 'x86_64'],
  ['x64', 'i386'],
  ['arm64', 'aarch64'],
  ['arm64', 'arm'],
] as const)('%s running %s', (arch, architecture) => {
  const program = compiled(arch);
  const table = parseTable(ALLOWED[architecture]);
  const decide = (number: number, argument?: number) => runFilter(program, AUDIT[architecture], number, argument);

  test('allows what is listed and nothing else', () => {
    const listed = new Map([...table].map(([name, number]) => [number, name]));
    const newest = Math.max(...[...table.values()].filter((number) => number < 0xf0000));
    for (let number = 0; number <= newest + 20; number += 1) {
      const name = listed.get(number);
      if (name !== undefined && CONDITIONAL.includes(name)) continue;
      const expected = name !== undefined ? ALLOW : number > newest ? UNKNOWN : DENY;
      expect([number, decide(number).action]).toEqual([number, expected]);
    }
  });

  test('decides quickly', () => {
    for (const number of table.values()) expect(decide(number).steps).toBeLessThan(25);
  });

  test.each([
    ['clone', 0x11, ALLOW],
    ['clone', 0x10000000, DENY],
    ['clone', 0x00020011, DENY],
    ['clone3', 0, UNKNOWN],
    ['personality', 0, ALLOW],
    ['personality', 0x20008, ALLOW],
    ['personality', 0xffffffff, ALLOW],
    ['personality', 0x40000, DENY],
    ['socket', 2, ALLOW],
    ['socket', 40, DENY],
  ])('%s with %i', (name, argument, expected) => {
    expect(decide(table.get(name) ?? -1, argument).action).toBe(expected);
  });
});

test('another architecture can do nothing', () => {
  expect(runFilter(compiled('x64'), AUDIT.aarch64, 0).action).toBe(UNKNOWN);
});

test('the x32 numbers of x86_64 are refused', () => {
  expect(runFilter(compiled('x64'), AUDIT.x86_64, 0x40000000).action).toBe(UNKNOWN);
});

test('fits into the kernel and has no table for other machines', () => {
  expect(compiled('x64').length / 8).toBeLessThan(4096);
  expect(compiled('arm64').length / 8).toBeLessThan(4096);
  expect(compileFilter('mips')).toBeNull();
});
