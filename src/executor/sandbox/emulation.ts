// Programs of other processor architectures. They run when the kernel has a handler for them
// (binfmt_misc), which on Debian comes with qemu-user-static. A rootless executor can do without the
// machine's: its user namespace has handlers of its own since Linux 6.7, made from the emulators in PATH.
import { existsSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import { formatPlatform, hostPlatform, type Platform } from '../../core/platform.ts';
import type { ExecOp } from '../../graph/op.ts';
import { MNT_DETACH, MS_NODEV, MS_NOEXEC, MS_NOSUID } from '../namespace-calls.ts';
import { type BinfmtHandler, readHandlers } from './binfmt.ts';
import type { ContainerView } from './container-view.ts';
import { findProgram } from './find-program.ts';
import { findProgram as findStepProgram, machineOf } from './program-check.ts';
import type { StepHost } from './step-host.ts';

interface Emulated {
  /** As in qemu-NAME-static. */
  readonly qemu: string;
  /** e_machine of the ELF header. */
  readonly machine: number;
  readonly bits: 32 | 64;
  readonly order: 'little' | 'big';
}

/** By the architecture names of platforms. */
export const EMULATED: Readonly<Record<string, Emulated>> = {
  amd64: { qemu: 'x86_64', machine: 62, bits: 64, order: 'little' },
  386: { qemu: 'i386', machine: 3, bits: 32, order: 'little' },
  arm64: { qemu: 'aarch64', machine: 183, bits: 64, order: 'little' },
  arm: { qemu: 'arm', machine: 40, bits: 32, order: 'little' },
  ppc64le: { qemu: 'ppc64le', machine: 21, bits: 64, order: 'little' },
  riscv64: { qemu: 'riscv64', machine: 243, bits: 64, order: 'little' },
  s390x: { qemu: 's390x', machine: 22, bits: 64, order: 'big' },
  mips64le: { qemu: 'mips64el', machine: 8, bits: 64, order: 'little' },
};

/** What the kernel of an architecture runs beside its own. */
const ALSO_NATIVE: Readonly<Record<string, string>> = { amd64: '386', arm64: 'arm' };

export function isForeign(platform: Platform, arch: string = process.arch): boolean {
  const { architecture } = hostPlatform(arch);
  return platform.os === 'linux' && platform.architecture !== architecture && platform.architecture !== ALSO_NATIVE[architecture];
}

/** A line for binfmt_misc/register: programs and position independent ones, opened once (F), with its name (P) and credentials (C). */
export function registration({ qemu, machine, bits, order }: Emulated, interpreter: string): string {
  const hex = (bytes: readonly number[]): string => bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  const half = (value: number): number[] => (order === 'little' ? [value & 0xff, value >> 8] : [value >> 8, value & 0xff]);
  const ident = identOf(bits, order);
  const mask = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const typeMask = order === 'little' ? [0xfe, 0xff] : [0xff, 0xfe];
  return `:tsbuild-${qemu}:M::${hex([...ident, ...half(2), ...half(machine)])}:${hex([...mask, ...typeMask, 0xff, 0xff])}:${interpreter}:PCF`;
}

/**
 * Before a step of `platform`: in a user namespace whose kernel has no handler for it, handlers for all
 * emulators that are installed, for as long as they stay mounted. Changes nothing outside the namespace; what cannot be done shows when the step runs.
 */
export function prepareEmulation(host: StepHost, platform: Platform): void {
  const wanted = EMULATED[platform.architecture];
  if (wanted === undefined || !host.rootless || !isForeign(platform)) return;
  if (
    host.workplace.binfmts.some(({ machine, fixed }) => machine === wanted.machine && fixed) ||
    findProgram(`qemu-${wanted.qemu}-static`) === null
  )
    return;
  const directory = join(host.workplace.run, 'binfmt');
  if (existsSync(directory)) return;
  mkdirSync(directory);
  try {
    host.calls.mount('binfmt_misc', directory, 'binfmt_misc', 0);
  } catch {
    return;
  }
  try {
    for (const [architecture, emulated] of Object.entries(EMULATED)) {
      const interpreter = findProgram(`qemu-${emulated.qemu}-static`);
      if (interpreter === null || !isForeign({ os: 'linux', architecture })) continue;
      writeFileSync(join(directory, 'register'), registration(emulated, interpreter));
    }
  } catch {
    host.noticeOnce('emulators for other platforms could not be registered in the user namespace of the steps');
  }
}

/**
 * Refuses a step whose program the kernel cannot run; every other problem of a program shows when it starts.
 * Error: 'exec/foreign-platform'.
 */
export function checkRunnable(host: StepHost, view: ContainerView, op: ExecOp): void {
  const found = findStepProgram(view, op, op.args[0] ?? '');
  const machine = found?.stat.isFile() === true ? machineOf(view, found.path) : null;
  const known = Object.entries(EMULATED).find(([, emulated]) => emulated.machine === machine);
  if (found === null || known === undefined) return;
  const [architecture, emulated] = known;
  if (!isForeign({ os: 'linux', architecture })) return;
  const handler = isOwn(host) ? undefined : machineHandlers(host).find(({ machine: registered }) => registered === machine);
  if (handler?.fixed === false && view.resolve(handler.interpreter).stat === null) throw notFixed(found.path, architecture, handler);
  if (host.canRun(architecture, () => hasHandler(host, emulated))) return;
  throw new TsbuildError({
    code: 'exec/foreign-platform',
    message: `${found.path} is a program for linux/${architecture}, which this machine (${formatPlatform(hostPlatform(process.arch))}) cannot run`,
    hint: 'Install emulators with `apt-get install qemu-user-static binfmt-support`, or build on a machine of that platform.',
  });
}

/** Handlers work whether or not the machine shows them at the usual place. */
function machineHandlers(host: StepHost): readonly BinfmtHandler[] {
  const { binfmts, run } = host.workplace;
  // In a user namespace a mount would begin a set of its own.
  if (binfmts.length > 0 || host.rootless) return binfmts;
  const directory = join(run, 'handlers');
  mkdirSync(directory, { recursive: true });
  try {
    host.calls.mount('binfmt_misc', directory, 'binfmt_misc', MS_NOSUID | MS_NODEV | MS_NOEXEC);
  } catch {
    return [];
  }
  try {
    return readHandlers(directory);
  } finally {
    host.calls.unmount(directory, MNT_DETACH);
  }
}

/** Whether the user namespace has handlers of its own, which replace the machine's. */
const isOwn = (host: StepHost): boolean => existsSync(join(host.workplace.run, 'binfmt', 'status'));

const notFixed = (path: string, architecture: string, { name, interpreter }: BinfmtHandler): TsbuildError =>
  new TsbuildError({
    code: 'exec/foreign-platform',
    message: `${path} is a program for linux/${architecture}; the handler ${name} of this machine starts ${interpreter}, which the container lacks, because it is registered without the flag F`,
    hint: 'Register it with F: `apt-get install --reinstall qemu-user-static binfmt-support` does. Or copy a static emulator to that path of the image.',
  });

/** Offers the kernel a bare header of the architecture: an emulator starts, and fails, only where one is registered. */
function hasHandler(host: StepHost, { machine, bits, order }: Emulated): boolean {
  const path = join(host.workplace.run, `probe-${machine}`);
  const header = Buffer.alloc(64);
  header.set(identOf(bits, order));
  for (const [at, value] of [
    [16, 2],
    [18, machine],
  ] as const)
    order === 'little' ? header.writeUInt16LE(value, at) : header.writeUInt16BE(value, at);
  writeFileSync(path, header, { mode: 0o755 });
  try {
    return host.calls.tryProgram(path);
  } finally {
    unlinkSync(path);
  }
}

const identOf = (bits: 32 | 64, order: 'little' | 'big'): number[] => [
  ...[0x7f, 0x45, 0x4c, 0x46, bits === 64 ? 2 : 1, order === 'little' ? 1 : 2, 1],
  ...Array.from({ length: 9 }, () => 0),
];
