// Users without privileges build the same images as root: in a user namespace with id ranges, and with
// their own id alone.
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildBase, leftovers, openWorkbench, stepsOf, TSBUILD, type Workbench } from '../support/cli.ts';
import type { Machine } from '../support/machine.ts';
import { type UnprivilegedUser, unprivilegedUser } from '../support/unprivileged.ts';
import { canUse, type InstalledProgram, installProgram, openUserWorkbench, type UserWorkbench } from '../support/user-program.ts';

const ranged = unprivilegedUser(true);
const single = unprivilegedUser(false);

let program: InstalledProgram;
let root: Workbench;
let baseArchive: string;

beforeAll(async () => {
  program = installProgram();
  root = openWorkbench('/var/tmp');
  await buildBase(root);
  // The first step adds /dev, /proc and /sys, with the time it runs at.
  await root.ok(['-q', '-t', 'base', root.context({ Dockerfile: 'FROM base\nRUN true\n' })]);
  chmodSync(root.dir, 0o755);
  baseArchive = join(root.dir, 'base.tar');
  await root.ok(['save', '-o', baseArchive, 'base']);
  chmodSync(baseArchive, 0o644);
});
afterAll(() => {
  root?.dispose();
  program?.remove();
});

/** A workbench of the user for the tests of one suite, with the image `base` of root. */
function userBench(user: UnprivilegedUser | null, machine: Machine = {}): () => UserWorkbench {
  let bench: UserWorkbench | undefined;
  beforeAll(async () => {
    if (user === null) return;
    bench = openUserWorkbench(program, user, machine);
    await bench.ok(['load', '-i', baseArchive]);
  });
  afterAll(async () => {
    const dir = bench?.root ?? '';
    await vi.waitFor(() => expect(leftovers(dir)).toEqual({ processes: '', mounts: '' }), { timeout: 3_000 });
    bench?.dispose();
  });
  return () => bench as UserWorkbench;
}

interface Inspected {
  readonly config: { readonly rootfs: { readonly diff_ids: readonly string[] } };
}

async function diffIds(bench: Workbench, name: string): Promise<readonly string[]> {
  const [image] = JSON.parse((await bench.ok(['inspect', name])).stdout) as [Inspected];
  return image.config.rootfs.diff_ids;
}

/** Builds `files` as root and as the user. Every step sets the times of what it made. */
async function expectSameLayers(
  bench: UserWorkbench,
  files: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
  own: readonly string[] = [],
) {
  const args = ['-q', '-t', 'same', '--build-arg', 'SOURCE_DATE_EPOCH=1700000000', ...flags];
  await root.ok([...args, root.context(files)]);
  await bench.ok([...args, ...own, bench.context(files)]);
  expect(await diffIds(bench, 'same')).toEqual(await diffIds(root, 'same'));
}

describe.skipIf(ranged === null)('a user with id ranges', () => {
  const bench = userBench(ranged);

  it('makes the layers that root makes', async () => {
    const secret = join(root.dir, 'key.txt');
    writeFileSync(secret, 'hush\n');
    chmodSync(secret, 0o644);
    const Dockerfile = `FROM base AS tools
RUN mkdir -p /out/bin && echo tool > /out/bin/tool && chown 1234:60000 /out/bin/tool && chmod 4750 /out/bin/tool && touch -d @1700000000 /out/bin/tool /out/bin /out
RUN --mount=type=cache,target=/var/cache echo one >> /var/cache/count; wc -l < /var/cache/count > /out/count; touch -d @1700000000 /out/count /out
RUN --mount=type=secret,id=key wc -c < /run/secrets/key > /out/length && touch -d @1700000000 /out/length /out
FROM base
COPY --from=tools /out /home
COPY --from=tools --chown=nobody:users /out/bin /tool
RUN mkdir /home/nobody && chown -R nobody:nogroup /home/nobody && rm -r /home/bin && touch -d @1700000000 /home/nobody /home
USER nobody
WORKDIR /home/nobody
RUN id > who && touch -d @1700000000 who .
`;
    await expectSameLayers(bench(), { Dockerfile }, ['--secret', `id=key,src=${secret}`]);
    const ran = await bench().ok(['run', 'same', 'sh', '-c', 'cat who /home/length; stat -c "%u:%g %a" /tool/tool who']);
    expect(ran.stdout).toBe('uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)\n5\n65534:100 4750\n65534:65534 644\n');
  });

  it('keeps the cache', async () => {
    const files = { Dockerfile: 'FROM base\nRUN date +%N > /when && chown 7:7 /when\nUSER 7\nRUN cat /when\n' };
    const first = await bench().ok([bench().context(files)]);
    const second = await bench().ok([bench().context(files)]);
    expect(second.stdout).toBe(first.stdout);
    expect(stepsOf(second.stderr).map((step) => step.outcome)).toEqual(['CACHED', 'CACHED']);
  });

  it('--network=none leaves only loopback', async () => {
    const built = await bench().ok([
      '--network=none',
      bench().context({ Dockerfile: 'FROM base\nRUN echo links: $(ls /sys/class/net)\n' }),
    ]);
    expect(built.stderr).toMatch(/ links: lo\n/);
  });

  it('leaves a store that the user can remove', async () => {
    const own = openUserWorkbench(program, ranged as UnprivilegedUser);
    try {
      await own.ok(['load', '-i', baseArchive]);
      await own.ok([own.context({ Dockerfile: 'FROM base\nRUN mkdir -m 700 /d && touch /d/f && chown -R 7:7 /d\nRUN true\n' })]);
      // What steps gave to other ids needs the namespace they were made in.
      await own.ok(['prune', '--all']);
      expect(readdirSync(join(own.root, 'snapshots-v1'))).toEqual([]);
      expect(own.sh(`rm -rf '${own.root}'`)).toBe(0);
    } finally {
      own.dispose();
    }
  });
});

describe.skipIf(ranged === null)('a user with id ranges and fuse-overlayfs', () => {
  const fuse = ranged !== null && canUse('fuse', ranged);
  const open = userBench(ranged, fuse ? { devices: ['fuse'] } : {});
  const closed = userBench(ranged);

  it('makes the layers that root makes', async () => {
    const Dockerfile = `FROM base
RUN mkdir -p /d/old && echo one > /d/one && ln /d/one /d/two && echo x > /d/old/x && chown -R 1234:60000 /d && touch -d @1700000000 /d/one /d/old/x /d/old /d
RUN echo more >> /d/two && rm -r /d/old /d/one && mkdir /d/old && echo y > /d/old/y && chmod 4750 /d/two && touch -d @1700000000 /d/two /d/old/y /d/old /d
RUN cat /d/two && rm -r /d/old && touch -d @1700000000 /d
`;
    const build = expectSameLayers(open(), { Dockerfile }, ['--network=none'], ['--isolation=fuse']);
    await (fuse ? build : expect(build).rejects.toThrow('/dev/fuse'));
  });

  it('is told when the device is closed', async () => {
    const files = { Dockerfile: 'FROM base\nRUN true\n' };
    const refused = await closed().run(['--isolation=fuse', '--network=none', closed().context(files)]);
    expect(refused.stderr).toMatch(
      /error\[exec\/no-overlay\]: .*fuse-overlayfs cannot be used: \/dev\/fuse is (closed to this user|missing)/,
    );
    expect(refused.stderr).toContain('chmod 666 /dev/fuse');
  });
});

describe.skipIf(ranged === null)('a user with id ranges and a private network', () => {
  const tun = ranged !== null && canUse('net/tun', ranged);

  const bench = userBench(ranged, tun ? { devices: ['net/tun'] } : {});
  let server: Server;
  let port: number;
  beforeAll(async () => {
    server = createServer((socket) => socket.end('reached\n').on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });
  afterAll(() => server.close());

  it('steps have a network, but not the loopback of this machine', async () => {
    const Dockerfile = `FROM base
RUN for host in 127.0.0.1 10.0.2.2 $(ip route | sed -n 's/^default via \\([^ ]*\\).*/\\1/p'); do nc -w 1 $host ${port} </dev/null || echo closed at $host; done; echo links: $(ls /sys/class/net)
`;
    const built = await bench().ok([bench().context({ Dockerfile })]);
    if (tun) {
      expect(built.stderr).not.toMatch(/ reached\n|note: /);
      expect(built.stderr).toMatch(/closed at 127\.0\.0\.1[\s\S]* links: (?!lo\n)/);
    } else {
      expect(built.stderr).toMatch(/note: steps use the network of this machine: /);
    }
  });
});

describe.skipIf(single === null)('a user without id ranges', () => {
  const bench = userBench(single);

  it('is told once what is missing, and builds', async () => {
    const Dockerfile = 'FROM base\nRUN id -u > /who; mkdir -p /a/b; touch -d @1700000000 /who /a/b /a\nRUN rm /who; ln -s a /z\n';
    const built = await bench().ok(['-t', 'one', '--network=none', bench().context({ Dockerfile })]);
    expect(built.stderr.match(/note: this user has no ranges in \/etc\/subuid/g)).toHaveLength(1);
    expect((await bench().ok(['cache', 'ls'])).stderr).toBe('');
    expect((await bench().ok(['run', '--network=none', 'one', 'sh', '-c', 'id -u; ls -d /a/b /z; ls /who || true'])).stdout).toBe(
      '0\n/a/b\n/z\n',
    );
  });

  it('records owners without being able to give files away', async () => {
    const files = {
      Dockerfile: 'FROM base AS from\nCOPY --chown=1000:50 a /home/a\nFROM base\nCOPY --from=from --chown=7:7 /home/a /opt/\n',
      a: 'a\n',
    };
    const archive = join(bench().dir, 'out.tar');
    await bench().ok(['-q', '--output', `type=tar,dest=${archive}`, bench().context(files)]);
    expect(execFileSync('tar', ['-tvf', archive, '--numeric-owner', 'opt/a'], { encoding: 'utf8' })).toMatch(/^-rw-r--r-- 7\/7 /);
  });

  it('says what it cannot read, and which user a step cannot have', async () => {
    const hidden = bench().context({ Dockerfile: 'FROM base\nCOPY hidden /\n', hidden: '' });
    chmodSync(join(hidden, 'hidden'), 0);
    const other = bench().context({ Dockerfile: 'FROM base\nUSER 1234\nRUN true\n' });
    expect((await bench().run([hidden])).stderr).toContain('error[context/unreadable]: cannot read "hidden" in the build context (EACCES)');
    expect((await bench().run([other])).stderr).toContain('error[exec/user-not-mapped]: the step runs as user 1234:0');
  });

  it('says so when a step needs another user', async () => {
    const failed = await bench().run(['--network=none', bench().context({ Dockerfile: 'FROM base\nRUN touch /x && chown 5:5 /x\n' })]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/chown: .*|Invalid argument/);
    expect(failed.stderr).toContain('/etc/subuid');
  });
});

describe.skipIf(single === null)('a step that goes on after a refusal', () => {
  const bench = userBench(single);
  const owner = 'FROM base\nRUN touch /f && chown 5:6 /f || true; touch -d @1700000000 /f\nRUN stat -c owner:%u:%g /f\n';

  it('is made anew where nothing is refused, and is cached for those who are refused the same', async () => {
    const context = bench().context({ Dockerfile: owner });
    const build = (command?: readonly string[]) =>
      bench().ok(['--network=none', '--explain', context], command === undefined ? {} : { command });
    const outcomes = async (built: Promise<{ readonly stderr: string }>) => stepsOf((await built).stderr).map(({ outcome }) => outcome);
    expect((await build()).stderr).toContain(' owner:0:0\n');
    expect(await outcomes(build())).toEqual(['CACHED', 'CACHED']);
    const asRoot = await build([TSBUILD]);
    expect(asRoot.stderr).toContain(' owner:5:6\n');
    expect(asRoot.stderr).toContain('steps are refused devices, ids from 1, ids from 65537; here they are refused nothing');
    expect(await outcomes(build([TSBUILD]))).toEqual(['CACHED', 'CACHED']);
    execFileSync('chown', ['-R', `${single?.uid}`, bench().root]);
    // The better record counts for the user, too.
    expect(await outcomes(build())).toEqual(['CACHED', 'CACHED']);
  });
});
