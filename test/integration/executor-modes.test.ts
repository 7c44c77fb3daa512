// The same layers byte for byte however steps are kept apart: overlays of the kernel and of fuse-overlayfs, plain
// copies, a chroot, and an unprivileged container on an overlay file system, where nothing can be mounted.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findProgram } from '../../src/executor/sandbox/find-program.ts';
import { findBusybox, whyNoSteps } from '../support/busybox-root.ts';
import { openWorkbench, type Workbench } from '../support/cli.ts';
import { openPlainContainer, type PlainContainer } from '../support/plain-container.ts';
import { type InstalledProgram, installProgram } from '../support/user-program.ts';

/** Its fixed directories have the time they were made at, so all modes start from one archive of it. */
const BASE = `FROM scratch
COPY --chmod=755 busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
`;

/**
 * Every step sets the times of what it made. Files with several names are changed, removed and given away by one of them;
 * a socket stays behind, which is in no layer.
 */
const DOCKERFILE = `FROM base AS build
RUN mkdir -p /out/keep /out/old/deep && echo one > /out/keep/one && echo two > /out/old/deep/two && ln /out/keep/one /out/link && ln -s keep /out/sym && \\
    echo same > /out/n1 && for n in 2 3 4; do ln /out/n1 /out/n$n; done && \\
    ln -s /out/socket /dev/log && syslogd -O /dev/null && until [ -S /out/socket ]; do sleep 0.1; done && find /out -exec touch -hd @200 {} +
RUN --mount=type=bind,target=/ctx --mount=type=cache,target=/cache --mount=type=tmpfs,target=/new/deep \\
    echo x > /cache/x && cp /ctx/Dockerfile /out/Dockerfile && rm -r /out/old && mkdir /out/old && echo three > /out/old/three && \\
    echo more >> /out/n1 && rm /out/n2 && chmod 600 /out/n3 && ln /out/n4 /out/n5 && cat /out/n1 /out/n3 > /out/seen && \\
    chmod 2750 /out/keep && chown 7:8 /out/keep/one && find /out -depth ! -type s -exec touch -hd @300 {} +
RUN rm /out/Dockerfile /out/sym && mkdir /out/sym && mv /out/link /out/moved && rm -r /out/old && mknod /out/pipe p && mkdir /out/old && touch -hd @400 /out/pipe /out/sym /out/old /out

FROM base
COPY --from=build /out /out
RUN --mount=type=secret,id=s,target=/run/secrets/s rm -rf /out/old && cat /out/keep/one > /result && touch -d @500 /result /out
USER 7:8
RUN echo mine > /tmp/mine 2>/dev/null; id -u
`;

/** What version 1.10 of fuse-overlayfs gets wrong. */
const SUBTLE = `FROM base
RUN mkdir -p /d/e && echo one > /d/e/one && touch -d @200 /d/e/one /d/e /d
RUN touch -d @300 /d/e && echo more >> /d/e/one && touch -d @300 /d/e/one
RUN rm -r /d/e && mkdir /d/e && mv /d/e /d/f && touch -d @400 /d/f /d
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
    context = bench.context({ Dockerfile: DOCKERFILE, 'Dockerfile.subtle': SUBTLE, '.dockerignore': 'base.tar\nDockerfile.subtle\n' });
    await bench.ok(['save', '-o', join(context, 'base.tar'), 'base']);
    wanted = (await build(bench, 'root')).layers;
  });
  afterAll(() => bench?.dispose());

  const SETTINGS = ['--secret', 'id=s,env=HOME', '-t', 'made'];
  /** The last image, and with it all layers of both stages: what one stage made is copied from it. */
  async function build(on: Workbench, isolation: string): Promise<{ readonly layers: readonly string[]; readonly said: string }> {
    await on.ok(['load', '-i', join(context, 'base.tar')]);
    const { stderr } = await on.ok(['build', '--isolation', isolation, ...SETTINGS, context]);
    await on.ok(['build', '--isolation', isolation, '--target', 'build', '-t', 'first', context]);
    const exact = isolation === 'fuse' ? [] : ['subtle'];
    for (const name of exact)
      await on.ok(['build', '--isolation', isolation, '-t', name, '-f', join(context, 'Dockerfile.subtle'), context]);
    const layers = await Promise.all(['made', 'first', ...exact].map(async (name) => diffIdsOf((await on.ok(['inspect', name])).stdout)));
    return { layers: layers.flat(), said: stderr };
  }

  test.each(['fuse', 'copy', 'chroot'])('%s', async (isolation) => {
    const own = openWorkbench('/var/tmp');
    try {
      const { layers } = await build(own, isolation);
      expect(layers).toEqual(wanted.slice(0, isolation === 'fuse' ? layers.length : wanted.length));
      expect(layers.length).toBeGreaterThan(8);
    } finally {
      own.dispose();
    }
  });

  describe('on a store that takes no overlay and no device for a deletion', () => {
    let dir: string;
    let own: Workbench;
    beforeAll(() => {
      dir = mkdtempSync('/var/tmp/tsbuild-stacked-');
      for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(dir, name));
      execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', 'lowerdir=lower,upperdir=upper,workdir=work', 'merged'], { cwd: dir });
    });
    beforeEach(() => {
      own = openWorkbench(join(dir, 'merged'));
    });
    afterAll(() => {
      spawnSync('umount', ['-l', join(dir, 'merged')]);
      rmSync(dir, { recursive: true, force: true });
    });

    test('fuse-overlayfs', async () => {
      const { layers } = await build(own, 'fuse');
      expect(layers).toEqual(wanted.slice(0, layers.length));
    });

    test('copies, unless fuse-overlayfs gets everything right', async () => {
      const { layers, said } = await build(own, 'auto');
      expect(layers).toEqual(wanted);
      const doctor = (await own.ok(['doctor'])).stdout;
      expect(doctor).toMatch(/^isolation of RUN steps: .*; file systems by (?:fuse-overlayfs|plain copies)\n/);
      expect(doctor).toContain('improve: tsbuild --root DIR');
      const chosen = doctor.includes('by fuse-overlayfs') ? 'steps use fuse-overlayfs' : 'every step works on a copy';
      expect(said.match(/note: overlay mounts are refused on the file system of the store: .*/g)).toEqual([
        expect.stringContaining(chosen),
      ]);
    });
  });

  describe.skipIf(findProgram('runc') === null)('in an unprivileged container', () => {
    let container: PlainContainer;
    let program: InstalledProgram;
    beforeAll(() => {
      program = installProgram();
      container = openPlainContainer({ '/program': program.path.replace(/\/bin\/tsbuild$/, ''), '/context': context });
    });
    afterAll(() => {
      container?.remove();
      program?.remove();
    });

    test('with what Docker allows by default', () => {
      const tsbuild = '/program/bin/tsbuild --root /store';
      const ran = container.run(`set -e
        ${tsbuild} load -i /context/base.tar >&2
        ${tsbuild} build ${SETTINGS.join(' ')} /context >&2
        ${tsbuild} build --target build -t first /context >&2
        ${tsbuild} build -f /context/Dockerfile.subtle -t subtle /context >&2
        ${tsbuild} inspect made
        echo '#'
        ${tsbuild} inspect first
        echo '#'
        ${tsbuild} inspect subtle
        echo '#'
        ${tsbuild} doctor || true`);
      expect({ code: ran.status, said: /note: .* steps run in a chroot/.test(ran.stderr) }, ran.stderr).toEqual({ code: 0, said: true });
      const [made = '', first = '', subtle = '', doctor = ''] = ran.stdout.split('#\n');
      expect([made, first, subtle].flatMap(diffIdsOf)).toEqual(wanted);
      expect(doctor).toMatch(/^isolation of RUN steps: chroot, without namespaces; file systems by plain copies\n/);
      expect(doctor).toContain('improve: docker run --privileged');
    });

    test('has that filter and those capabilities', () => {
      const ran = container.run('grep -E "^(CapEff|Seccomp:)" /proc/self/status; unshare -U true; unshare -m true; mount -t tmpfs x /tmp');
      expect(ran.stdout).toBe('CapEff:\t00000000a80425fb\nSeccomp:\t2\n');
      expect(ran.stderr.match(/not permitted|denied/g)).toHaveLength(3);
    });
  });
});
