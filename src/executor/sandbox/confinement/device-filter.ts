// Which devices a step may open, as a program that the kernel runs at every mknod and open of a device
// by a process of a control group: nodes of any device can be made, as with Docker, but only harmless
// ones be opened. Without it CAP_MKNOD alone would let a step of root read the disks of the machine.
// Assembles BPF (linux/bpf.h, BPF_PROG_TYPE_CGROUP_DEVICE). Pure.

/** [major, minor] of character devices, null for every minor: null, zero, full, random, urandom, tty, ptmx, tun, pts. */
export const STEP_DEVICES: readonly (readonly [number, number | null])[] = [
  [1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 2], [10, 200], [136, null],
]; // biome-ignore format: a table
/** For fuse-overlayfs, which the executor starts. */
export const FUSE_DEVICE = [10, 229] as const;

/** struct bpf_cgroup_dev_ctx: what is done << 16 | kind of device, major, minor. */
const CONTEXT = { access: 0, major: 4, minor: 8 } as const;
const MAKE_ONLY = 1;
const CHARACTER = 2;

const LOAD_WORD = 0x61;
const COPY_WORD = 0xbc;
const SHIFT_RIGHT = 0x74;
const AND = 0x54;
const SET = 0xb7;
const JUMP_EQUAL = 0x15;
const JUMP_UNEQUAL = 0x55;
const EXIT = 0x95;

interface Instruction {
  readonly code: number;
  readonly to?: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

/** struct bpf_insn[] for these character devices. */
export function compileDeviceFilter(devices: readonly (readonly [number, number | null])[]): Buffer {
  const [answer, context, kind, major, minor, access] = [0, 1, 2, 3, 4, 5];
  const rules = devices.flatMap(([first, second]): Instruction[] => [
    { code: JUMP_UNEQUAL, to: major, value: first, offset: second === null ? 2 : 3 },
    ...(second === null ? [] : [{ code: JUMP_UNEQUAL, to: minor, value: second, offset: 2 }]),
    { code: SET, to: answer, value: 1 },
    { code: EXIT },
  ]);
  return encode([
    { code: LOAD_WORD, to: kind, from: context, offset: CONTEXT.access },
    { code: LOAD_WORD, to: major, from: context, offset: CONTEXT.major },
    { code: LOAD_WORD, to: minor, from: context, offset: CONTEXT.minor },
    { code: COPY_WORD, to: access, from: kind },
    { code: SHIFT_RIGHT, to: access, value: 16 },
    { code: AND, to: kind, value: 0xffff },
    { code: SET, to: answer, value: 1 },
    { code: JUMP_UNEQUAL, to: access, value: MAKE_ONLY, offset: 1 },
    { code: EXIT },
    { code: SET, to: answer, value: 0 },
    { code: JUMP_EQUAL, to: kind, value: CHARACTER, offset: 1 },
    { code: EXIT },
    ...rules,
    { code: SET, to: answer, value: 0 },
    { code: EXIT },
  ]);
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  for (const [index, { code, to = 0, from = 0, offset = 0, value = 0 }] of program.entries()) {
    bytes[index * 8] = code;
    bytes[index * 8 + 1] = to | (from << 4);
    bytes.writeInt16LE(offset, index * 8 + 2);
    bytes.writeInt32LE(value, index * 8 + 4);
  }
  return bytes;
}
