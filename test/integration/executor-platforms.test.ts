// RUN for another processor architecture: a real arm64 busybox through qemu, with a handler of the
// machine, with one of the user namespace, and without any.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EMULATED, registration } from '../../src/executor/sandbox/emulation.ts';
import { findProgram } from '../../src/executor/sandbox/find-program.ts';
import { findBusybox } from '../support/busybox-root.ts';
import { openWorkbench, type Workbench } from '../support/cli.ts';
import { fetchBusybox, hasMachineHandler, registerHandler } from '../support/foreign-busybox.ts';
import { unprivilegedUser } from '../support/unprivileged.ts';
import { type InstalledProgram, installProgram, openUserWorkbench } from '../support/user-program.ts';

const DOCKERFILE = `FROM scratch
ARG TARGETARCH
COPY $TARGETARCH/ /
RUN ["/bin/busybox", "--install", "-s", "/bin"]
RUN uname -m > /machine && echo sub-processes | wc -c >> /machine && cat /machine
`;

describe('steps of another platform', () => {
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-arm64-'));
  const handled = hasMachineHandler('aarch64');
  let bench: Workbench;
  let busybox: string;

  const context = (of: Workbench): string => {
    const path = of.context({ Dockerfile: DOCKERFILE });
    for (const [architecture, program] of Object.entries({ arm64: busybox, amd64: findBusybox() ?? '' })) {
      mkdirSync(join(path, architecture, 'bin'), { recursive: true });
      copyFileSync(program, join(path, architecture, 'bin/busybox'));
    }
    return path;
  };

  beforeAll(() => {
    busybox = fetchBusybox('arm64', dir);
    bench = openWorkbench('/var/tmp');
  });
  afterAll(() => {
    bench?.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  test('the downloaded program is an arm64 one', () => {
    expect(execFileSync('od', ['-An', '-tu2', '-j18', '-N2', busybox], { encoding: 'utf8' }).trim()).toBe('183');
  });

  test('without a handler the error names the package; with one both platforms are built', async () => {
    const build = ['build', '--progress=plain', '--platform', 'linux/amd64,linux/arm64', '-t', 'two'];
    const refused = await bench.run([...build, '--isolation', 'root', context(bench)]);
    const emulator = findProgram('qemu-aarch64-static') ?? '';
    if (!handled) {
      expect(refused.stderr).toContain('error[exec/foreign-platform]');
      expect(refused.stderr).toContain('apt-get install qemu-user-static binfmt-support');
    }
    const arm64 = EMULATED['arm64'];
    if (arm64 === undefined) throw new Error('no table entry');
    const handler = handled ? null : registerHandler('tsbuild-aarch64', registration(arm64, emulator));
    try {
      const { stderr } = await bench.ok([...build, '--isolation', 'root', context(bench)]);
      expect(stderr).toMatch(/^#\d+ [\d.]+ aarch64$/m);
      expect(stderr).toMatch(/^#\d+ [\d.]+ x86_64$/m);
      expect(stderr.match(/^#\d+ [\d.]+ 14$/gm)).toHaveLength(2);
    } finally {
      handler?.remove();
    }
  });

  test('a handler that looks for its emulator in the container is named', async () => {
    if (handled) return;
    const arm64 = EMULATED['arm64'];
    if (arm64 === undefined) throw new Error('no table entry');
    const handler = registerHandler('tsbuild-aarch64', registration(arm64, findProgram('qemu-aarch64-static') ?? '').replace(/F$/, ''));
    try {
      const { stderr } = await bench.run(['build', '--platform', 'linux/arm64', '--isolation', 'root', '--no-cache', context(bench)]);
      expect(stderr).toMatch(
        /error\[exec\/foreign-platform\]: .*the handler tsbuild-aarch64 of this machine starts \S*qemu-aarch64-static/,
      );
      expect(stderr).toContain('registered without the flag F');
    } finally {
      handler.remove();
    }
  });

  test('a user namespace has handlers of its own', async () => {
    const user = unprivilegedUser(true);
    if (user === null) return;
    const program: InstalledProgram = installProgram();
    const own = openUserWorkbench(program, user);
    try {
      const { stderr } = await own.ok(['build', '--progress=plain', '--platform', 'linux/arm64', context(own)]);
      expect(stderr).toMatch(/^#\d+ [\d.]+ aarch64$/m);
      expect(hasMachineHandler('aarch64')).toBe(handled);
    } finally {
      own.dispose();
      program.remove();
    }
  });
});
