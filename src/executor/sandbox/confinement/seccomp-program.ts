// Compiles the allow list into a classic BPF program for seccomp(2). Done here because libseccomp
// needs 15 ms for it at every container start, and crun takes a ready program: a binary search over
// the system call number instead of a list. Pure.
import { ALLOWED, ARCHITECTURES, CONDITIONAL } from './allowed-syscalls.ts';

/** AUDIT_ARCH_* of linux/audit.h. */
const AUDIT = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 } as const;

/** Offsets in struct seccomp_data. The low word of an argument comes first on all architectures here. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const LOAD = 0x20;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const RETURN = 0x06;

const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;

/** CLONE_NEW* but the time namespace: a step may not make namespaces by clone. */
export const CLONE_NAMESPACES = 0x7e020000;
/** Linux and SVR4 personalities with and without address randomization, and "only tell". */
export const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];
export const AF_VSOCK = 40;

interface Instruction {
  readonly code: number;
  readonly value: number;
  readonly whenTrue?: number;
  readonly whenFalse?: number;
}

const answer = (value: number): Instruction => ({ code: RETURN, value });

/** What happens from this number on, up to the next rule. */
interface Rule {
  readonly from: number;
  readonly body: readonly Instruction[];
}

const ALLOWED_BODY = [answer(ALLOW)];
const DENIED_BODY = [answer(ERRNO | EPERM)];
/** For numbers newer than the list: programs then fall back to older calls, as they do on older kernels. */
const UNKNOWN_BODY = [answer(ERRNO | ENOSYS)];

const CONDITIONAL_BODIES: Readonly<Record<string, readonly Instruction[]>> = {
  clone: [
    { code: LOAD, value: FIRST_ARGUMENT },
    { code: AND, value: CLONE_NAMESPACES },
    { code: JUMP_EQUAL, value: 0, whenFalse: 1 },
    answer(ALLOW),
    answer(ERRNO | EPERM),
  ],
  // Its flags are behind a pointer, where no filter can look; libc then uses clone.
  clone3: UNKNOWN_BODY,
  personality: [
    { code: LOAD, value: FIRST_ARGUMENT },
    ...PERSONALITIES.map((value, index) => ({ code: JUMP_EQUAL, value, whenTrue: PERSONALITIES.length - index })),
    answer(ERRNO | EPERM),
    answer(ALLOW),
  ],
  socket: [
    { code: LOAD, value: FIRST_ARGUMENT },
    { code: JUMP_EQUAL, value: AF_VSOCK, whenFalse: 1 },
    answer(ERRNO | EPERM),
    answer(ALLOW),
  ],
};

/** Numbers of one architecture's table. */
export function parseTable(text: string): Map<string, number> {
  const words = text.trim().split(/\s+/);
  const numbers = new Map<string, number>();
  for (let index = 0; index + 1 < words.length; index += 2) numbers.set(words[index] ?? '', Number(words[index + 1]));
  return numbers;
}

/** Ranges of equal treatment, ascending from 0. */
function rulesOf(numbers: ReadonlyMap<string, number>): Rule[] {
  const bodies = new Map<number, readonly Instruction[]>();
  for (const [name, number] of numbers) bodies.set(number, CONDITIONAL.includes(name) ? (CONDITIONAL_BODIES[name] ?? []) : ALLOWED_BODY);
  const newest = Math.max(...[...numbers.values()].filter((number) => number < 0xf0000));
  const rules: Rule[] = [];
  const add = (from: number, body: readonly Instruction[]): void => {
    if (rules.at(-1)?.body !== body) rules.push({ from, body });
  };
  for (let number = 0; number <= newest; number += 1) add(number, bodies.get(number) ?? DENIED_BODY);
  add(newest + 1, UNKNOWN_BODY);
  // ARM has private calls far above all others.
  for (const number of [...bodies.keys()].filter((value) => value > newest).sort((a, b) => a - b)) {
    add(number, ALLOWED_BODY);
    add(number + 1, UNKNOWN_BODY);
  }
  return rules;
}

function searchTree(rules: readonly Rule[]): Instruction[] {
  if (rules.length === 1) return [...(rules[0]?.body ?? [])];
  const middle = Math.ceil(rules.length / 2);
  const lower = searchTree(rules.slice(0, middle));
  const upper = searchTree(rules.slice(middle));
  return [...jumpOver({ code: JUMP_AT_LEAST, value: rules[middle]?.from ?? 0 }, lower), ...lower, ...upper];
}

/** A conditional jump reaches 255 instructions; beyond that it takes an unconditional one. */
function jumpOver(test: Instruction, skipped: readonly Instruction[]): Instruction[] {
  if (skipped.length <= 255) return [{ ...test, whenTrue: skipped.length }];
  return [
    { ...test, whenFalse: 1 },
    { code: 0x05, value: skipped.length },
  ];
}

/** The filter for a host of Node's architecture name as struct sock_filter[], or null when there is no table for it. */
export function compileFilter(arch: string): Buffer | null {
  const architectures = ARCHITECTURES[arch];
  if (architectures === undefined) return null;
  const program: Instruction[] = [{ code: LOAD, value: ARCHITECTURE }];
  for (const architecture of architectures) {
    const body = [{ code: LOAD, value: NUMBER }, ...searchTree(rulesOf(parseTable(ALLOWED[architecture])))];
    program.push({ code: JUMP_EQUAL, value: AUDIT[architecture], whenTrue: 1 }, { code: 0x05, value: body.length }, ...body);
  }
  program.push(...UNKNOWN_BODY);
  return encode(program);
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, value, whenTrue = 0, whenFalse = 0 }] of program.entries()) {
    bytes.writeUInt16LE(code, index * 8);
    bytes[index * 8 + 2] = whenTrue;
    bytes[index * 8 + 3] = whenFalse;
    bytes.writeUInt32LE(value >>> 0, index * 8 + 4);
  }
  return bytes;
}
