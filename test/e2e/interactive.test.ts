// Programs that somebody types to, looking into failed steps, and floods of output.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, leftovers, openWorkbench, TSBUILD, type Workbench } from '../support/cli.ts';
import { descendantsOf } from '../support/process-tree.ts';
import { openTerminal, type TerminalSession } from '../support/terminal-session.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => {
  const left = leftovers(bench.dir);
  const snapshots = readdirSync(join(bench.root, 'snapshots-v1'));
  const names = new Set(readdirSync(join(bench.root, 'run')));
  bench.dispose();
  expect(left).toEqual({ processes: '', mounts: '' });
  expect(names).toEqual(new Set());
  expect(snapshots.length).toBeLessThan(20);
});

const commandLine = (pid: number): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
const isNode = (pid: number): boolean => readlinkSync(`/proc/${pid}/exe`).endsWith('/node');

const terminal = (script: string): TerminalSession => openTerminal(script, [TSBUILD, '--root', bench.root]);

describe('run -i', () => {
  it('sends stdin and its end, and takes the exit code', async () => {
    const result = await bench.run(['run', '-i', 'base', 'sh', '-c', 'cat; exit 7'], { stdin: 'one\ntwo\n' });
    expect(result).toMatchObject({ code: 7, stdout: 'one\ntwo\n' });
  });

  it('sends every byte of a large input', async () => {
    const stdin = Buffer.alloc(20_000_000, 'abcdefghijklmnopqrstuvwxyz\n');
    const result = await bench.ok(['run', '-i', 'base', 'md5sum'], { stdin });
    const { createHash } = await import('node:crypto');
    expect(result.stdout).toContain(createHash('md5').update(stdin).digest('hex'));
  });

  it('goes on when the program stops reading', async () => {
    const result = await bench.ok(['run', '-i', 'base', 'sh', '-c', 'head -c 3; exec 0<&-; sleep 0.3; echo end'], {
      stdin: Buffer.alloc(5_000_000, 'x'),
    });
    expect(result.stdout).toBe('xxxend\n');
  });

  it('leaves stdin alone without -i', async () => {
    expect((await bench.ok(['run', 'base', 'cat'], { stdin: 'secret' })).stdout).toBe('');
  });

  it('works without namespaces', async () => {
    const result = await bench.ok(['run', '--isolation', 'chroot', '-i', 'base', 'cat'], { stdin: 'hello' });
    expect(result.stdout).toBe('hello');
    const refused = await bench.run(['run', '--isolation', 'chroot', '-t', 'base', 'true']);
    expect(refused.stderr).toContain('error[exec/no-namespaces]: a terminal inside a container needs namespaces');
  });
});

describe('run -t', () => {
  it('gives the program a terminal of the right size', async () => {
    const session = terminal(`tsbuild run -it base sh -c 'tty; stty size; read go; exit 5'; echo "rc $?"`);
    await session.shown('/dev/pts/0');
    await session.shown('30 90');
    session.type('\r');
    await session.shown('rc 5');
    await session.ended();
  });

  it('tells the program of a new size', async () => {
    const script = `(sleep 2; stty -F /dev/tty rows 41 cols 111) & tsbuild run -it base sh -c 'trap "stty size" WINCH; echo ready; until [ "$(stty size)" = "41 111" ]; do sleep 0.2; done; sleep 0.5; echo over'`;
    const session = terminal(script);
    await session.shown('ready');
    await session.shown('41 111');
    await session.ended();
  });

  it('sends Ctrl-C to the program, and gives the terminal back as it was', async () => {
    const session = terminal(
      `stty -a | md5sum; tsbuild run -it base sh -c 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.1; done'; echo "rc $?"; stty -a | md5sum`,
    );
    await session.shown('ready');
    session.type('\x03');
    await session.shown('caught');
    await session.shown('rc 3');
    const sums = (await session.ended()).match(/^[0-9a-f]{32}/gm);
    expect(sums).toHaveLength(2);
    expect(new Set(sums).size).toBe(1);
  });

  it('gives the terminal back when it is killed with a signal', async () => {
    const session = terminal(`stty -a | md5sum; tsbuild run -it base sh -c 'echo ready; sleep 61'; echo "rc $?"; stty -a | md5sum`);
    await session.shown('ready');
    const program = descendantsOf(session.pid).find(({ pid }) => commandLine(pid).includes('run -it base') && isNode(pid));
    process.kill(program?.pid ?? 0, 'SIGTERM');
    await session.shown('rc 143');
    const sums = (await session.ended()).match(/^[0-9a-f]{32}/gm);
    expect(new Set(sums).size).toBe(1);
  });

  it('has job control and the confinement of steps', async () => {
    const session = terminal(`tsbuild run -it base sh`);
    await session.shown('# ');
    // What the job says itself, and not the echo of the line, shows that it has the terminal.
    session.type(`sh -c 'grep -E "CapEff|Seccomp:" /proc/self/status; echo in fore""ground; exec sleep 50'\r`);
    await session.shown('00000000a80425fb');
    await session.shown(/Seccomp:\s2/);
    await session.shown('in foreground');
    session.type('\x1a');
    await session.shown('Stopped');
    session.type('exit\rexit\r');
    await session.ended();
  });

  it('works without a terminal of ours only when nobody types', async () => {
    expect((await bench.ok(['run', '-t', 'base', 'sh', '-c', 'tty; stty size'])).stdout.replaceAll('\r', '')).toBe('/dev/pts/0\n24 80\n');
    const refused = await bench.run(['run', '-it', 'base', 'sh']);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('the input device is not a terminal');
  });
});

describe('run -v', () => {
  it('shows directories and files of the host, read-only when asked', async () => {
    const shared = bench.context({ 'a/file': 'content\n', 'b/x': '' });
    const args = ['-v', `${shared}/a:/a:ro`, '-v', `${shared}/b:/deep/b`, '-v', `${shared}/a/file:/etc/one`];
    const result = await bench.ok(['run', ...args, 'base', 'sh', '-c', 'cat /a/file /etc/one; touch /a/new; echo made > /deep/b/made']);
    expect(result.stdout).toBe('content\ncontent\n');
    expect(result.stderr).toContain('Read-only file system');
    expect(readFileSync(join(shared, 'b/made'), 'utf8')).toBe('made\n');
    expect(existsSync(join(shared, 'a/new'))).toBe(false);
  });

  it.each([
    ['/no/such/place:/x', 'cannot be used (ENOENT)'],
    ['data:/x', 'is the name of a volume'],
    ['/tmp:x', 'DEST must be absolute'],
    ['/tmp:/x:exec', 'neither ro nor rw'],
    ['/tmp', 'it is not HOST:DEST[:ro]'],
  ])('refuses %s by name', async (volume, why) => {
    const result = await bench.run(['run', '-v', volume, 'base', 'true']);
    expect(result).toMatchObject({ code: 2 });
    expect(result.stderr).toContain(why);
  });
});

describe('--on-error', () => {
  const dockerfile = [
    'FROM base',
    'ENV COLOR=green',
    'WORKDIR /job',
    'RUN echo kept > /kept && echo gone > /gone',
    'RUN --mount=type=cache,target=/cache --mount=type=secret,id=word,target=/word echo made > made; rm /gone; echo c > /cache/c; echo shouted; exit 4',
    '',
  ].join('\n');

  it('shell: the failed step as it was when it failed', async () => {
    const context = bench.context({ Dockerfile: dockerfile, word: 'open sesame\n' });
    const session = terminal(`tsbuild --secret id=word,src=${context}/word --on-error=shell ${context}; echo "rc $?"`);
    await session.shown('a shell in its container follows');
    await session.shown('# ');
    session.type('cat made /kept /cache/c /word; ls /gone; pwd; echo $COLOR; grep CapEff /proc/self/status\r');
    for (const text of ['made\n', 'kept\n', 'c\n', 'open sesame', '/gone: No such file', '/job\n', 'green\n', '00000000a80425fb'])
      await session.shown(text);
    session.type('exit 9\r');
    await session.shown('error[exec/nonzero-exit]');
    await session.shown('rc 1');
    await session.ended();
  });

  it('shell: is refused where nobody can type', async () => {
    const result = await bench.run(['--on-error=shell', bench.context({ Dockerfile: dockerfile })]);
    expect(result).toMatchObject({ code: 2 });
    expect(result.stderr).toContain('--on-error=shell needs a terminal');
  });

  it('export: what the step changed, its log and what ran', async () => {
    const context = bench.context({ Dockerfile: dockerfile, word: 'open sesame\n' });
    const out = join(bench.dir, 'failed');
    const args = ['--secret', `id=word,src=${context}/word`, `--on-error=export=${out}`, context];
    for (let round = 0; round < 2; round++) {
      const result = await bench.run(args);
      expect(result).toMatchObject({ code: 1 });
      expect(result.stderr).toContain(`what the failed step left is in ${out}`);
    }
    expect(readdirSync(join(out, 'rootfs'), { recursive: true }).sort()).toEqual(['job', 'job/made']);
    expect(readFileSync(join(out, 'rootfs/job/made'), 'utf8')).toBe('made\n');
    expect(statSync(join(out, 'rootfs/job/made')).uid).toBe(process.getuid?.());
    expect(readFileSync(join(out, 'deleted'), 'utf8')).toBe('/gone\n');
    expect(readFileSync(join(out, 'log'), 'utf8')).toBe('shouted\n');
    expect(JSON.parse(readFileSync(join(out, 'step.json'), 'utf8'))).toMatchObject({ exitCode: 4, cwd: '/job', user: '' });
    expect(readFileSync(join(out, 'step.json'), 'utf8')).not.toContain('sesame');
  });

  it('export: never replaces what is not its own', async () => {
    const out = join(bench.dir, 'precious');
    mkdirSync(out);
    writeFileSync(join(out, 'rootfs'), 'mine');
    const result = await bench.run([`--on-error=export=${out}`, bench.context({ Dockerfile: 'FROM base\nRUN exit 1\n' })]);
    expect(result.stderr).toContain(`${out} is not empty`);
    expect(result.stderr).toContain('error[exec/nonzero-exit]');
    expect(readFileSync(join(out, 'rootfs'), 'utf8')).toBe('mine');
  });

  it('keeps no failed tree', async () => {
    const out = join(bench.dir, 'failed-tree');
    const snapshots = (): number => readdirSync(join(bench.root, 'snapshots-v1')).length;
    const context = bench.context({ Dockerfile: 'FROM base\nRUN echo x > /x; exit 1\n' });
    await bench.run([context]);
    const before = snapshots();
    await bench.run([`--on-error=export=${out}`, context]);
    expect(snapshots()).toBe(before);
  });

  it('is one of three words', async () => {
    const result = await bench.run(['--on-error=shel', bench.context({ Dockerfile: dockerfile })]);
    expect(result.stderr).toContain('--on-error is one of fail, shell and export=DIR, got "shel"');
  });
});

describe('debug', () => {
  const dockerfile = [
    'FROM base AS tools',
    'RUN echo tool > /tool',
    'FROM base',
    'USER 1000:1000',
    'COPY Dockerfile /one',
    'RUN --mount=type=bind,from=tools,target=/tools echo never > /tmp/two',
    '',
  ].join('\n');

  it('opens a shell before a step, by number, with its mounts', async () => {
    const context = bench.context({ Dockerfile: dockerfile });
    await bench.ok([context]);
    const session = terminal(`tsbuild debug --step 3 ${context}; echo "rc $?"`);
    await session.shown('before [stage-1 3/3] RUN');
    await session.shown('$ ');
    session.type('cat /tools/tool; ls /one /tmp/two; id -u; exit 6\r');
    for (const text of ['tool\n', '/tmp/two: No such file', '1000\n', 'rc 6']) await session.shown(text);
    await session.ended();
  });

  it('opens one before a copy, by part of its name', async () => {
    const context = bench.context({ Dockerfile: dockerfile });
    const session = terminal(`tsbuild debug --step 'copy dockerfile' ${context}; echo "rc $?"`);
    await session.shown('before [stage-1 2/3] COPY');
    await session.shown('$ ');
    session.type('id -u; ls /one; exit\r');
    for (const text of ['1000\n', '/one: No such file']) await session.shown(text);
    await session.ended();
  });

  it('names the steps when none or several fit', async () => {
    const context = bench.context({ Dockerfile: dockerfile });
    const none = terminal(`tsbuild debug --step 9 ${context}; echo "rc $?"`);
    await none.shown('error[build/no-such-step]: no step "9"');
    await none.shown('[tools 2/2] RUN echo tool');
    const several = terminal(`tsbuild debug --step run ${context}; echo "rc $?"`);
    await several.shown('"run" fits 2 steps');
    await several.ended();
  });
});

it('a terminal that does not tell its size shows steps all the same', async () => {
  const context = bench.context({ Dockerfile: 'FROM base\nRUN echo seen without a size\n' });
  const screen = terminal(`stty rows 0 cols 0; tsbuild build --progress=tty --network=none ${context}`);
  await screen.shown('RUN echo seen without a size');
  await screen.ended();
});

/** Bytes of memory of a process tree; pages that processes share count once. */
function residentBytes(root: number): number {
  const sizes = [root, ...descendantsOf(root).map((entry) => entry.pid)].map((pid) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('a flood of output', () => {
  const BYTES = 300_000_000;

  it('passes through bounded memory and is kept whole when the step fails', async () => {
    const line = 'x'.repeat(99);
    const context = bench.context({ Dockerfile: `FROM base\nRUN yes ${line} | head -c ${BYTES}; exit 1\n` });
    // The output goes to a file, as in CI: what is measured is ours.
    const script = join(bench.dir, 'quiet.sh');
    writeFileSync(script, `#!/bin/sh\nexec "$@" 2>"${bench.dir}/flood.err" >/dev/null\n`);
    chmodSync(script, 0o755);
    let most = 0;
    let timer: NodeJS.Timeout | undefined;
    const result = await bench.run(['--progress', 'plain', context], {
      command: [script, TSBUILD],
      onStart: (child) => {
        timer = setInterval(() => {
          most = Math.max(most, residentBytes(child.pid ?? 0));
        }, 50);
      },
    });
    clearInterval(timer);
    expect(result.code).toBe(1);
    const path = /whole log: (.*)/.exec(readFileSync(join(bench.dir, 'flood.err'), 'utf8').slice(-5000))?.[1] ?? '';
    expect(statSync(path).size).toBe(BYTES);
    expect(most).toBeGreaterThan(0);
    process.stderr.write(`memory of the process tree: ${Math.round(most / 1e6)} MB\n`);
    expect(most).toBeLessThan(250_000_000);
  }, 120_000);
});
