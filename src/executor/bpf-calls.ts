// bpf(2) as far as filters of devices need it: loading a program and attaching it to a control group.
// Loaded with the first step of root; each wrapper throws SyscallError with the errno name.
import { closeSync, constants, openSync } from 'node:fs';
import { constants as os } from 'node:os';
import { loadLibc, SyscallError } from './syscalls.ts';

/** By Node's names of architectures. */
const SYS_BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };
const PROGRAM_LOAD = 5;
const PROGRAM_ATTACH = 8;
const TYPE_CGROUP_DEVICE = 15;
const ATTACH_CGROUP_DEVICE = 6;
/** Programs of groups above go on to decide as well. */
const ALLOW_MULTI = 2;

export interface DeviceFilter {
  /** For every process in the group, a cgroup2 directory, and in groups below it. */
  attach(directory: string): void;
}

/** `program`: struct bpf_insn[]. The kernel drops it with this process and the last group that has it. */
export function loadDeviceFilter(program: Buffer): DeviceFilter {
  const { koffi, libc, check } = loadLibc();
  // The head of union bpf_attr for BPF_PROG_LOAD; what follows is zero.
  const attributes = koffi.struct({ type: 'uint32_t', count: 'uint32_t', program: 'void *', license: 'const char *' });
  const load = libc.func('syscall', 'long', ['long', 'long', koffi.pointer(attributes), 'long']);
  const attach = libc.func('long syscall(long number, long command, void *attributes, long size)');
  const number = SYS_BPF[process.arch] ?? 0;
  if (number === 0) throw new SyscallError('bpf', os.errno.ENOSYS, '');
  const head = { type: TYPE_CGROUP_DEVICE, count: program.length / 8, program, license: 'GPL' };
  const filter = check(Number(load(number, PROGRAM_LOAD, head, koffi.sizeof(attributes))), 'bpf', 'program');
  return {
    attach(directory) {
      const group = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
      try {
        const bytes = Buffer.from(new Uint32Array([group, filter, ATTACH_CGROUP_DEVICE, ALLOW_MULTI]).buffer);
        check(Number(attach(number, PROGRAM_ATTACH, bytes, bytes.length)), 'bpf', directory);
      } finally {
        closeSync(group);
      }
    },
  };
}
