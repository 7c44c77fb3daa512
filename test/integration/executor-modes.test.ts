// The same layers byte for byte however steps are kept apart: overlays of root, plain copies, a chroot,
// and an unprivileged container on an overlay file system, where nothing can be mounted.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findProgram } from '../../src/executor/sandbox/runtime.ts';
import { findBusybox, whyNoSteps } from '../support/busybox-root.ts';
import { openWorkbench, type Workbench } from '../support/cli.ts';
import { type InstalledProgram, installProgram } from '../support/user-program.ts';

/** Its fixed directories have the time they were made at, so all modes start from one archive of it. */
const BASE = `FROM scratch
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`;

/** Every step sets the times of what it made. */
const DOCKERFILE = `FROM base AS build
RUN mkdir -p /out/keep /out/old/deep && echo one > /out/keep/one && echo two > /out/old/deep/two && ln /out/keep/one /out/link && ln -s keep /out/sym && find /out -exec touch -hd @200 {} +
RUN --mount=type=bind,target=/ctx --mount=type=cache,target=/cache --mount=type=tmpfs,target=/new/deep \\
    echo x > /cache/x && cp /ctx/Dockerfile /out/Dockerfile && rm -r /out/old && mkdir /out/old && echo three > /out/old/three && \\
    chmod 2750 /out/keep && chown 7:8 /out/keep/one && find /out -exec touch -hd @300 {} +
RUN rm /out/Dockerfile /out/sym && mkdir /out/sym && mv /out/link /out/moved && touch -d @400 /out /out/sym

FROM base
COPY --from=build /out /out
RUN --mount=type=secret,id=s,target=/run/secrets/s rm -rf /out/old && cat /out/keep/one > /result && touch -d @500 /result /out
USER 7:8
RUN echo mine > /tmp/mine 2>/dev/null; id -u
`;

const diffIdsOf = (text: string): readonly string[] => {
  const [image] = JSON.parse(text) as [{ config: { rootfs: { diff_ids: string[] } } }];
  return image.config.rootfs.diff_ids;
};

describe.skipIf(whyNoSteps())('layers of all kinds of isolation', () => {
  let bench: Workbench;
  let wanted: readonly string[];
  let context: string;

  beforeAll(async () => {
    bench = openWorkbench('/var/tmp');
    const base = bench.context({ Dockerfile: BASE });
    cpSync(findBusybox() ?? '', join(base, 'busybox'));
    await bench.ok(['build', '-t', 'base', base]);
    context = bench.context({ Dockerfile: DOCKERFILE, '.dockerignore': 'base.tar\n' });
    await bench.ok(['save', '-o', join(context, 'base.tar'), 'base']);
    wanted = await build(bench, 'root');
  });
  afterAll(() => bench?.dispose());

  const SETTINGS = ['--secret', 'id=s,env=HOME', '-t', 'made'];
  async function build(on: Workbench, isolation: string): Promise<readonly string[]> {
    await on.ok(['load', '-i', join(context, 'base.tar')]);
    await on.ok(['build', '--isolation', isolation, ...SETTINGS, context]);
    return diffIdsOf((await on.ok(['inspect', 'made'])).stdout);
  }

  test.each(['copy', 'chroot'])('%s', async (isolation) => {
    const own = openWorkbench('/var/tmp');
    try {
      expect(await build(own, isolation)).toEqual(wanted);
    } finally {
      own.dispose();
    }
  });

  describe.skipIf(findProgram('runc') === null)('in an unprivileged container', () => {
    let dir: string;
    let program: InstalledProgram;
    beforeAll(() => {
      dir = mkdtempSync('/var/tmp/tsbuild-inside-');
      program = installProgram();
      makeContainer(dir, program, context);
    });
    afterAll(() => {
      if (dir === undefined) return;
      spawnSync('umount', ['-l', join(dir, 'rootfs')]);
      rmSync(dir, { recursive: true, force: true });
      program.remove();
    });

    test('with what Docker allows by default', () => {
      const ran = spawnSync('runc', ['--root', join(dir, 'state'), 'run', '--bundle', dir, `tsbuild-inside-${process.pid}`], {
        encoding: 'utf8',
      });
      expect({ code: ran.status, said: ran.stderr.includes('chroot') }, ran.stderr).toEqual({ code: 0, said: true });
      expect(diffIdsOf(ran.stdout)).toEqual(wanted);
    });
  });

  const CAPABILITIES =
    'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
      .split(' ')
      .map((name) => `CAP_${name}`);

  /** A runc bundle whose root is an overlay, as Docker's; libraries of this machine are bound for node. */
  function makeContainer(at: string, installed: InstalledProgram, files: string): void {
    for (const part of ['lower/bin', 'lower/tmp', 'lower/store', 'upper', 'work', 'rootfs']) mkdirSync(join(at, part), { recursive: true });
    cpSync(findBusybox() ?? '', join(at, 'lower/bin/busybox'));
    chmodSync(join(at, 'lower/bin/busybox'), 0o755);
    for (const name of ['sh', 'env', 'cat']) execFileSync('ln', ['-s', 'busybox', join(at, 'lower/bin', name)]);
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', 'lowerdir=lower,upperdir=upper,workdir=work', 'rootfs'], { cwd: at });
    const bind = (source: string, destination = source) => ({ destination, source, type: 'bind', options: ['rbind', 'ro'] });
    const libraries = ['/usr', '/lib', '/lib64'].filter((path) => existsSync(path)).map((path) => bind(path));
    const command = [
      '/program/bin/tsbuild --root /store load -i /context/base.tar >&2',
      `/program/bin/tsbuild --root /store build ${SETTINGS.join(' ')} /context >&2`,
      '/program/bin/tsbuild --root /store inspect made',
    ].join(' && ');
    const config = {
      ociVersion: '1.0.2',
      process: {
        user: { uid: 0, gid: 0 },
        args: ['/bin/sh', '-c', command],
        env: ['PATH=/bin:/usr/bin', 'HOME=/root'],
        cwd: '/',
        capabilities: { bounding: CAPABILITIES, effective: CAPABILITIES, permitted: CAPABILITIES },
        noNewPrivileges: false,
      },
      root: { path: 'rootfs' },
      mounts: [
        { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
        { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
        ...libraries,
        bind(installed.path.replace(/\/bin\/tsbuild$/, ''), '/program'),
        bind(files, '/context'),
      ],
      linux: {
        namespaces: ['pid', 'ipc', 'uts', 'mount', 'network'].map((type) => ({ type })),
        // Docker's filter refuses these without CAP_SYS_ADMIN.
        seccomp: {
          defaultAction: 'SCMP_ACT_ALLOW',
          architectures: ['SCMP_ARCH_X86_64'],
          syscalls: [
            {
              names: ['mount', 'umount2', 'unshare', 'setns', 'pivot_root', 'move_mount', 'open_tree', 'fsopen', 'keyctl', 'bpf'],
              action: 'SCMP_ACT_ERRNO',
              errnoRet: 1,
            },
          ],
        },
        maskedPaths: ['/proc/kcore', '/proc/keys'],
        readonlyPaths: ['/proc/sys'],
      },
    };
    writeFileSync(join(at, 'config.json'), JSON.stringify(config));
  }
});
