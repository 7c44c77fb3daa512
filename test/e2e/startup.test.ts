// What a start costs and on what it depends: the bundle's two launchers do the same, a cached build
// loads and writes nothing it does not need, and bin/tsbuild picks a launcher that fits.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cpuLines } from '../../scripts/launch/make-startup.ts';
import { withoutBuiltinCode } from '../../scripts/launch/trim-snapshot.ts';
import { NODE_FLAGS } from '../../src/executor/node-flags.ts';
import { HOME, openWorkbench, TSBUILD, type Workbench } from '../support/cli.ts';

const STEPS = ['WORKDIR /app', 'COPY file .', 'ENV A=b', 'COPY file /other/', 'CMD ["/app/file"]'];

describe('the bundle', () => {
  const dist = join(HOME, `.tsbuild-startup-${process.pid}`);
  const launcher = join(dist, 'main.cjs');
  const plain = [process.execPath, launcher];
  const snapshot = [process.execPath, '--snapshot-blob', join(dist, 'program.blob'), launcher];
  let bench: Workbench;
  let context: string;

  beforeAll(async () => {
    execFileSync(process.execPath, [join(HOME, 'scripts/bundle.ts'), dist], { stdio: 'pipe' });
    bench = openWorkbench();
    context = bench.context({ Dockerfile: `FROM scratch\n${STEPS.join('\n')}\n`, file: 'content\n' });
    await bench.ok(['-t', 'image', context], { command: plain });
  }, 120_000);
  afterAll(() => {
    bench.dispose();
    rmSync(dist, { recursive: true, force: true });
  });

  it('gives the same result from a snapshot, from compiled code and from source', async () => {
    const commands = [plain, snapshot, [process.execPath, join(HOME, 'src/cli/main.ts')]];
    const results = await Promise.all(commands.map((command) => bench.ok(['-t', 'image', '--progress=plain', context], { command })));
    expect(new Set(results.map((result) => result.stdout)).size).toBe(1);
    expect(new Set(results.map((result) => result.stderr.replace(/\d+\.\d+s/g, 'TIME'))).size).toBe(1);
  });

  it('has the thread that helps to read large contexts', async () => {
    const thread = new Worker(join(dist, 'read-thread.cjs'));
    const { port1, port2 } = new MessageChannel();
    const answers = new Promise((resolve) => port1.once('message', resolve));
    thread.postMessage({ root: context, paths: [''], next: new Int32Array(new SharedArrayBuffer(4)), answer: port2 }, [port2]);
    expect(await answers).toMatchObject([{ at: 0, names: 'Dockerfile/file' }]);
    port1.close();
    await thread.terminate();
  });

  it('starts from the snapshot with the arguments, folder and environment of the new process', async () => {
    const here = await bench.ok(['-q', '.'], { command: snapshot, cwd: context });
    expect(here.stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    const version = await bench.ok(['version'], { command: snapshot });
    expect(version.stdout).toContain(JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')).version);
    const refused = await bench.run(['-q', context], { command: snapshot, env: { TSBUILD_ISOLATION: 'nonsense' } });
    expect(refused.stderr).toContain('nonsense');
    expect(refused.code).toBe(2);
  });

  it('hashes many large files in a process from the snapshot', async () => {
    const large = bench.context({ Dockerfile: 'FROM scratch\nCOPY data /\n' });
    mkdirSync(join(large, 'data'));
    for (const name of ['a', 'b', 'c']) writeFileSync(join(large, 'data', name), Buffer.alloc(24 << 20, name));
    const first = await bench.ok(['-q', large], { command: snapshot });
    expect((await bench.ok(['-q', large], { command: plain })).stdout).toBe(first.stdout);
  });

  it('loads for a cached build nothing that runs steps, talks to registries or unpacks', async () => {
    const list = join(bench.dir, 'loaded');
    const hook = join(bench.dir, 'hook.cjs');
    writeFileSync(
      hook,
      `const fs = require('node:fs');
       const { readFileSync } = fs;
       const read = [];
       fs.readFileSync = (path, ...rest) => (read.push(path), readFileSync(path, ...rest));
       process.on('exit', () => fs.writeFileSync(${JSON.stringify(list)}, [...process.moduleLoadList, ...read].join('\\n')));`,
    );
    await bench.ok(['-t', 'image', context], { command: [process.execPath, '-r', hook, launcher] });
    const loaded = readFileSync(list, 'utf8').split('\n');
    expect(loaded).toContain('NativeModule sqlite');
    expect(loaded).toContain(join(dist, 'program.js'));
    // Not net, which Node loads itself when its output is a pipe.
    const cold = ['child_process', 'worker_threads', 'tls', 'http', 'https', 'zlib', 'readline', 'dns'];
    expect([...cold.map((name) => `NativeModule ${name}`), join(dist, 'program-parts.js')].filter((name) => loaded.includes(name))).toEqual(
      [],
    );
  });

  it.each([['plain'], ['snapshot']])('runs what is not in the program, and finds its errors the same: %s', async (launched) => {
    const command = launched === 'plain' ? plain : snapshot;
    const refused = await bench.run(['explain', 'parse/no-such-code'], { command });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    const bake = bench.context({
      'docker-bake.json': '{"target":{"default":{"args":{"A":"b"}}}}',
      Dockerfile: 'FROM scratch\nLABEL a=b\n',
    });
    expect((await bench.ok(['bake', '--print'], { command, cwd: bake })).stdout).toContain('"A": "b"');
    expect((await bench.ok(['bake'], { command, cwd: bake })).code).toBe(0);
  });

  it('has in the snapshot the code of all that a cached build and a check call', async () => {
    for (const args of [
      ['-t', 'image', context],
      ['--call=check', context],
    ]) {
      const log = join(bench.dir, 'functions.log');
      const [node = '', ...rest] = snapshot;
      await bench.ok(args, { command: [node, '--log-function-events', '--no-logfile-per-isolate', `--logfile=${log}`, ...rest] });
      const lines = readFileSync(log, 'utf8').split('\n');
      expect(lines.filter((line) => /^script-details,.*program-parts/.test(line))).toEqual([]);
      const compiled = lines.filter((line) => /^function,(full-parse|parse-function),/.test(line));
      // Every process compiles the functions of modules that cannot be in a snapshot (sqlite), and some without a name. Without training: 800.
      expect(compiled.length).toBeLessThan(150);
    }
  });

  it('opens no store to check a file that needs none', async () => {
    const root = join(bench.dir, 'no-store');
    await bench.ok(['--root', root, '--check', context], { command: snapshot });
    expect(existsSync(root)).toBe(false);
  });

  it.each([['plain'], ['snapshot']])('starts the executor as it was started itself: %s', async (launched) => {
    const log = join(bench.dir, `unshare-${launched}`);
    const tools = join(bench.dir, `tools-${launched}`);
    mkdirSync(tools);
    writeFileSync(join(tools, 'unshare'), `#!/bin/sh\necho "$@" >>'${log}'\nPATH=\${PATH#*:} exec unshare "$@"\n`, { mode: 0o755 });
    const env = { PATH: `${tools}:${process.env['PATH']}` };
    const listed = await bench.ok(['cache', 'ls'], { command: launched === 'plain' ? plain : snapshot, env });
    expect(listed.stderr).toBe('');
    const started = readFileSync(log, 'utf8');
    expect(started).toContain(join(dist, 'executor.cjs'));
    expect(started.includes(`--snapshot-blob ${join(dist, 'executor.blob')}`)).toBe(launched === 'snapshot');
  });

  it.each([
    ['what bin/tsbuild sets', 'glibc.malloc.hugetlb=1', ''],
    ['what somebody else set', 'glibc.malloc.mmap_max=65536', 'glibc.malloc.mmap_max=65536'],
  ])('GLIBC_TUNABLES in the programs it starts: %s', async (_, set, inherited) => {
    const tools = mkdtempSync(join(bench.dir, 'tools-'));
    const log = join(tools, 'log');
    writeFileSync(join(tools, 'docker'), `#!/bin/sh\necho "[$GLIBC_TUNABLES]" >>'${log}'\n[ "$1" = version ] || cat >/dev/null\n`, {
      mode: 0o755,
    });
    const env = { PATH: `${tools}:${process.env['PATH']}`, GLIBC_TUNABLES: set };
    await bench.ok(['--load', '-t', 'image', context], { command: snapshot, env });
    expect(new Set(readFileSync(log, 'utf8').trim().split('\n'))).toEqual(new Set([`[${inherited}]`]));
  });

  it('writes for a cached build neither blobs nor the index', async () => {
    const before = listStore(bench.root);
    await bench.ok(['-t', 'image', context], { command: snapshot });
    expect(listStore(bench.root)).toEqual(before);
  });
});

/** Name, inode and time of every file; a file that was replaced by an equal one counts as written. */
function listStore(root: string): string[] {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => !/-(shm|wal)$/.test(name));
  return names
    .map((name) => ({ name, stats: statSync(join(root, name)) }))
    .filter(({ stats }) => stats.isFile())
    .map(({ name, stats }) => `${name} ${stats.ino} ${stats.mtimeMs}`)
    .sort();
}

describe('bin/tsbuild', () => {
  let home: string;
  const node = (): string => join(home, 'node_modules/node/bin/node');
  const start = (env: NodeJS.ProcessEnv = {}): string => {
    const { NODE_OPTIONS: _, ...rest } = process.env;
    return spawnSync(join(home, 'bin/tsbuild'), ['version'], { encoding: 'utf8', env: { ...rest, ...env } }).stdout;
  };

  /** Of flags that every start has; the last keeps V8 from waiting at the end for itself (docs/performance.md, "Ending"). */
  const line = (rest: string): RegExp => new RegExp(`^${NODE_FLAGS.join(' ')} ${rest}`);

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'tsbuild-home-'));
    for (const folder of ['bin', 'dist', 'node_modules/node/bin']) mkdirSync(join(home, folder), { recursive: true });
    copyFileSync(TSBUILD, join(home, 'bin/tsbuild'));
    chmodSync(join(home, 'bin/tsbuild'), 0o755);
    // Says how it was started instead of running anything.
    writeFileSync(node(), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    utimesSync(node(), 1_600_000_000, 1_600_000_000);
    for (const name of ['main.cjs', 'program.blob']) writeFileSync(join(home, 'dist', name), '');
    writeFileSync(join(home, 'dist/program.cpu.sh'), cpuLines());
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('starts from the snapshot when Node and CPU are those it was made with', () => {
    expect(start()).toMatch(line(String.raw`--snapshot-blob \S+/program\.blob \S+/main\.cjs version\n$`));
  });

  it('does without when flags for Node are set', () => {
    expect(start({ NODE_OPTIONS: '--max-old-space-size=4000' })).toMatch(line(String.raw`\S+/main\.cjs version\n$`));
  });

  it('does without when Node is newer than the snapshot', () => {
    utimesSync(node(), 4_000_000_000, 4_000_000_000);
    expect(start()).toMatch(line(String.raw`\S+/main\.cjs version\n$`));
    utimesSync(node(), 1_600_000_000, 1_600_000_000);
  });

  it('does without on another CPU', () => {
    const file = join(home, 'dist/program.cpu.sh');
    const lines = readFileSync(file, 'utf8');
    writeFileSync(file, lines.replace(/.$/m, '_'));
    expect(start()).toMatch(line(String.raw`\S+/main\.cjs version\n$`));
    writeFileSync(file, lines);
  });

  it('runs itself as a module where nothing was bundled', () => {
    rmSync(join(home, 'dist/main.cjs'));
    expect(start()).toMatch(line(String.raw`\S+/bin/tsbuild version\n$`));
    writeFileSync(join(home, 'dist/main.cjs'), '');
  });
});

describe('an odd home folder', () => {
  // Node tries for ever to make a folder in /proc.
  it.each(['/proc', '/dev/null', '/nowhere/at/all', 'relative', ''])('HOME=%s: starts and builds', async (home) => {
    const bench = openWorkbench();
    const context = bench.context({ Dockerfile: 'FROM scratch\nCOPY file /\n', file: 'content\n' });
    const env = { HOME: home, XDG_CACHE_HOME: '' };
    expect((await bench.ok(['-q', '.'], { env, cwd: context })).stdout).toMatch(/^sha256:/);
    expect(readdirSync(context).sort()).toEqual(['Dockerfile', 'file']);
    expect(existsSync('relative')).toBe(false);
    bench.dispose();
  });
});

describe('trimming a snapshot', () => {
  const counted = (bytes: Buffer): Buffer => Buffer.concat([lengthOf(bytes.length), bytes]);
  const lengthOf = (length: number): Buffer => {
    const out = Buffer.alloc(8);
    out.writeUInt32LE(length);
    return out;
  };
  const modules = Array.from({ length: 60 }, (_, at) => [counted(Buffer.from(`internal/m${at}`)), counted(Buffer.alloc(at, 7))]).flat();
  const heap = Buffer.alloc(1000, 0xa5);

  it('empties the list of built-in modules at its end', () => {
    const blob = Buffer.concat([heap, lengthOf(60), ...modules]);
    expect(withoutBuiltinCode(blob)).toEqual(Buffer.concat([heap, lengthOf(0)]));
  });

  it.each([
    ['no list', heap],
    ['bytes after it', Buffer.concat([heap, lengthOf(60), ...modules, Buffer.from([1])])],
    ['a list that is cut off', Buffer.concat([heap, lengthOf(61), ...modules])],
    ['nothing', Buffer.alloc(0)],
  ])('leaves alone what looks different: %s', (_, blob) => {
    expect(withoutBuiltinCode(blob)).toBeNull();
  });
});
