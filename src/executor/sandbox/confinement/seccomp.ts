// Which seccomp filter a step gets: our compiled program where runtime and architecture take it, else
// Docker's profile in OCI form for the runtime's libseccomp, else none with a notice.

import type { BundleInput } from '../bundle.ts';
import { readHostFile } from '../host-file.ts';
import type { StepHost } from '../step-host.ts';
import { ALLOWED, CONDITIONAL } from './allowed-syscalls.ts';
import { AF_VSOCK, CLONE_NAMESPACES, compileFilter, PERSONALITIES, parseTable } from './seccomp-program.ts';

/** Made once for each executor. */
export function chooseSeccomp(host: StepHost): BundleInput['seccomp'] {
  if (!/^Seccomp:/m.test(readHostFile('/proc/self/status') ?? '')) {
    host.noticeOnce('this kernel has no seccomp: steps run without a system call filter');
    return null;
  }
  const program = host.runtime().kind === 'crun' ? compileFilter(process.arch) : null;
  return program === null ? { profile: ociProfile(process.arch) } : { program: program.toString('base64') };
}

const NATIVE: Readonly<Record<string, readonly string[]>> = {
  x64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
};

/** The same list for a runtime that compiles it itself; names the architecture lacks are skipped by it. */
export function ociProfile(arch: string): object {
  const names = new Set(Object.values(ALLOWED).flatMap((table) => [...parseTable(table).keys()]));
  for (const name of CONDITIONAL) names.delete(name);
  const allow = { action: 'SCMP_ACT_ALLOW' };
  const personalities = PERSONALITIES.map((value) => ({
    ...allow,
    names: ['personality'],
    args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
  }));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    ...(NATIVE[arch] === undefined ? {} : { architectures: NATIVE[arch] }),
    syscalls: [
      { ...allow, names: [...names] },
      ...personalities,
      { ...allow, names: ['socket'], args: [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_NE' }] },
      { ...allow, names: ['clone'], args: [{ index: 0, value: CLONE_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] },
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
    ],
  };
}
