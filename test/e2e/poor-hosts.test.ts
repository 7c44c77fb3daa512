// Machines that lack something: what they say, which command improves it, and what still works.
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, TSBUILD, type Workbench } from '../support/cli.ts';
import { type Machine, onMachine, RESOLVED } from '../support/machine.ts';
import { unprivilegedUser } from '../support/unprivileged.ts';
import { type InstalledProgram, installProgram, openUserWorkbench, type UserWorkbench } from '../support/user-program.ts';

const user = unprivilegedUser(true);

let program: InstalledProgram;
let root: Workbench;
let archive: string;

beforeAll(async () => {
  program = installProgram();
  root = openWorkbench('/var/tmp');
  await buildBase(root);
  chmodSync(root.dir, 0o755);
  archive = join(root.dir, 'base.tar');
  await root.ok(['save', '-o', archive, 'base']);
  chmodSync(archive, 0o644);
});
afterAll(() => {
  root?.dispose();
  program?.remove();
});

const on = (machine: Machine) => ({ command: [...onMachine(machine), TSBUILD] });
/** Its text differs, so that no record of an earlier test has it. */
const step = (text: string) => root.context({ Dockerfile: `FROM base\nRUN ${text}\n` });

/** With the image `base`, on a machine of its own. */
async function asUser(machine: Machine, body: (bench: UserWorkbench) => Promise<void>): Promise<void> {
  if (user === null) return;
  const bench = openUserWorkbench(program, user, machine);
  try {
    await bench.ok(['load', '-i', archive]);
    await body(bench);
  } finally {
    bench.dispose();
  }
}

describe('no container runtime', () => {
  const machine = { without: ['crun', 'runc'] };

  it('the error and doctor name the package, and builds without steps work', async () => {
    const failed = await root.run(['--network=none', step('echo no runtime')], on(machine));
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/error\[exec\/no-runtime\]: .*neither crun nor runc/);
    expect(failed.stderr).toMatch(/hint: .*apt-get install crun/);
    const doctor = await root.run(['doctor'], on(machine));
    expect(doctor).toMatchObject({ code: 1, stdout: expect.stringMatching(/^RUN steps cannot work here/) });
    expect(doctor.stdout).toContain('improve: sudo apt-get install crun');
    await root.ok([root.context({ Dockerfile: 'FROM base\nCOPY Dockerfile /\nENV A=b\n' })], on(machine));
  });
});

describe('runc alone', () => {
  const machine = { without: ['crun'] };
  const script = 'cat /proc/1/comm; id -u; grep -E "^(CapEff|Seccomp):" /proc/self/status | tr "\\t" " "';
  const shown = (text: string) => text.replace(/^#\d+ [\d.]+ /gm, '');
  const wanted = 'sh\n0\nCapEff: 00000000a80425fb\nSeccomp: 2\n';

  it('runs steps of root', async () => {
    const built = await root.ok(['--network=none', step(`${script} # runc`)], on(machine));
    expect(shown(built.stderr)).toContain(wanted);
    expect((await root.ok(['doctor'], on(machine))).stdout).toMatch(/~ runtime +runc/);
  });

  it.skipIf(user === null)('runs steps of a user, with the same confinement', async () => {
    await asUser(machine, async (bench) => {
      const Dockerfile = `FROM base\nRUN ${script}\nRUN chown 7:8 /etc/passwd && echo x > /made\nUSER 7\nRUN id -u; cat /made; stat -c %u:%g /etc/passwd\n`;
      const built = await bench.ok(['--network=none', bench.context({ Dockerfile })]);
      expect(shown(built.stderr)).toContain(wanted);
      expect(shown(built.stderr)).toContain('7\nx\n7:8\n');
    });
  });
});

describe('devices stay closed to steps of root', () => {
  const script = 'mknod /k b 7 0 && mknod /n c 1 3 && for d in /k /n; do (: <>$d) 2>&1 && echo opens $d; done';
  it.each<[string, Machine, readonly string[]]>([
    ['runc', { without: ['crun'] }, []],
    ['one hierarchy of control groups', { cgroup2: 'writable' }, []],
    ['one that is closed', { cgroup2: 'read-only' }, []],
    ['a group that was asked for', { cgroup2: 'writable' }, ['--cgroup-parent=tsbuild-test']],
  ])('with %s', async (name, machine, flags) => {
    const built = await root.ok(['--network=none', ...flags, step(`${script} # ${name}`)], on(machine));
    expect(built.stderr).toContain('/k: Operation not permitted\n');
    expect(built.stderr).toContain('opens /n\n');
    expect((await root.ok(['doctor'], on(machine))).stdout).toMatch(/✔ devices +closed by/);
    expect(execFileSync('find', ['/sys/fs/cgroup', '-name', 'tsbuild-test', '-o', '-name', 'tsbuild-probe-*'], { encoding: 'utf8' })).toBe(
      '',
    );
  });

  it('or nothing runs', async () => {
    const refused = await root.run(['--network=none', step(`${script} # no bpf`)], on({ bpf: false }));
    expect(refused.stderr).toContain('error[exec/no-device-filter]: ');
    expect(refused.stderr).toContain('devices of this machine cannot be kept from steps of root (EPERM)');
    const doctor = await root.run(['doctor'], on({ bpf: false }));
    expect(doctor).toMatchObject({ code: 1, stdout: expect.stringMatching(/✘ devices +no filter \(bpf: EPERM\)/) });
    expect(doctor.stdout).toContain('RUN steps cannot work here');
    expect(doctor.stdout).toContain('improve: sudo apt-get remove crun && sudo apt-get install runc\n');
  });
});

describe.skipIf(user === null)('no user namespaces', () => {
  it('the error names the setting; unpacking and copying still work', async () => {
    await asUser({ userNamespaces: false }, async (bench) => {
      const context = bench.context({ Dockerfile: 'FROM base\nRUN echo unreachable\n' });
      const forced = await bench.run(['--isolation=rootless', '--network=none', context]);
      expect(forced.code).toBe(1);
      expect(forced.stderr).toMatch(/error\[exec\/no-user-namespace\]: .*refused a user namespace/);
      expect(forced.stderr).toMatch(/hint: .*sysctl -w kernel\.unprivileged_userns_clone=1/);
      const auto = await bench.run(['--network=none', context]);
      expect(auto.stderr).toMatch(
        /error\[exec\/no-namespaces\]: .*neither in namespaces, which are refused, nor in a chroot, which needs root/,
      );
      const doctor = await bench.run(['doctor']);
      expect(doctor).toMatchObject({ code: 1, stdout: expect.stringMatching(/✘ user-namespaces +refused/) });
      expect(doctor.stdout).toMatch(/improve: sudo sysctl -w kernel\./);
      const copied = join(bench.dir, 'copied.tar');
      await bench.ok([
        '--output',
        `type=tar,dest=${copied}`,
        bench.context({ Dockerfile: 'FROM base AS a\nFROM base\nCOPY --from=a /bin/busybox /copy\n' }),
      ]);
    });
  });
});

describe('a resolver on the loopback', () => {
  it.each([
    ['pasta', ['slirp4netns'], '169.254.1.1'],
    ['slirp4netns', ['pasta'], '10.0.2.3'],
    ['no helper', ['pasta', 'slirp4netns'], '127.0.0.53'],
  ])('names resolve in steps with %s', async (_name, without, server) => {
    const machine = { without, resolver: '127.0.0.53' };
    const built = await root.ok([step(`cat /etc/resolv.conf; nslookup somewhere.test | tail -n +3 # ${server}`)], on(machine));
    expect(built.stderr).toContain(` nameserver ${server}\n`);
    expect(built.stderr).toMatch(new RegExp(`Address(?: 1)?: +${RESOLVED.replaceAll('.', '\\.')}`));
    expect(built.stderr.includes('note: steps use the network of this machine')).toBe(server === '127.0.0.53');
  });
});

describe.skipIf(user === null)('an empty or relative XDG_DATA_HOME', () => {
  it.each(['', 'data'])('%j counts as none: the store is below the home directory', async (XDG_DATA_HOME) => {
    await asUser({}, async (bench) => {
      const context = bench.context({ Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' });
      expect(bench.sh(`XDG_DATA_HOME='${XDG_DATA_HOME}' HOME='${bench.dir}' ${program.path} -q ${context}`)).toBe(0);
      expect(existsSync(join(bench.dir, '.local/share/tsbuild/blobs-v1'))).toBe(true);
    });
  });
});
