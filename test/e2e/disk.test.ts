// Space: a store on a disk that is full at whatever moment stays sound, a cap holds, and what du says
// is what is there.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, runCli, TSBUILD, type Workbench } from '../support/cli.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write('skipped: builds on a full disk (needs root for a tmpfs in a mount namespace)\n');

const KIB = 1024;
/** Bytes left on the disk when a command begins. */
const FREE = [0, 8 * KIB, 64 * KIB, 200 * KIB, 500 * KIB, 1100 * KIB, 1700 * KIB, 2500 * KIB, 3500 * KIB, 6000 * KIB];

const DOCKERFILE = `FROM base AS made
RUN head -c 1000000 /dev/urandom > /blob
FROM base
COPY data /data
COPY --from=made /blob /blob
RUN head -c 500000 /dev/urandom > /more
`;

describe.skipIf(!isRoot)('a store on a full disk', () => {
  let bench: Workbench;
  let registry: TestRegistry;
  let disk: ReturnType<typeof spawn>;
  let mount: string;
  let context: string;

  /** Runs a command where the small disk is mounted. */
  const inside = (...command: readonly string[]) => {
    const child = spawnSync('nsenter', ['-t', String(disk.pid), '-m', '--', ...command], {
      encoding: 'utf8',
      env: { ...process.env, TSBUILD_PROGRESS: 'plain', NO_COLOR: '1' },
    });
    return { code: child.status, stdout: child.stdout, stderr: child.stderr };
  };
  const tsbuild = (...args: readonly string[]) => inside(TSBUILD, '--root', join(mount, 'store'), ...args);
  const fill = (free: number): void => {
    const script = 'left=$(( $(df -k --output=avail "$1" | tail -1) - $2 )); [ $left -le 0 ] || head -c ${left}k /dev/zero > "$1/filler"';
    inside('sh', '-c', script, 'sh', mount, String(Math.floor(free / KIB)));
  };
  const empty = () => inside('rm', '-f', join(mount, 'filler'));
  const ok = (...args: readonly string[]): string => {
    const result = tsbuild(...args);
    expect(result.code, `${args.join(' ')}\n${result.stderr}`).toBe(0);
    return result.stdout;
  };

  beforeAll(async () => {
    bench = openWorkbench();
    registry = await startRegistry();
    mount = join(bench.dir, 'disk');
    mkdirSync(mount);
    disk = spawn('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=48m disk "$1" && echo ready && read -r end', 'sh', mount], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => disk.stdout?.once('data', resolve));
    context = bench.context({ Dockerfile: DOCKERFILE });
    writeFileSync(join(context, 'data'), randomBytes(700_000));
    await buildBase(bench);
    await bench.ok([
      '-q',
      '--push',
      '-t',
      `${registry.host}/filler`,
      bench.context({ Dockerfile: 'FROM scratch\nCOPY . /\n', f: randomBytes(600_000).toString('hex') }),
    ]);
    const base = join(bench.dir, 'rootfs');
    expect(tsbuild('-q', '-t', 'base', '-f', join(import.meta.dirname, '../../fixtures/base/Dockerfile'), base).code).toBe(0);
    ok('-q', '-t', `${registry.host}/app`, context);
  });
  afterAll(async () => {
    disk.stdin?.end();
    await registry.stop();
    bench.dispose();
  });

  const COMMANDS: Readonly<Record<string, () => readonly string[]>> = {
    build: () => ['-q', '--no-cache', '-t', `${registry.host}/app`, context],
    'conversion of a cached build': () => [
      '-q',
      '--output',
      `type=image,name=${registry.host}/app,compression=estargz,force-compression=true`,
      context,
    ],
    push: () => ['push', `${registry.host}/app`],
    pull: () => ['pull', `${registry.host}/filler`],
    prune: () => ['prune', '--all'],
  };

  it.each(Object.keys(COMMANDS))('is sound after %s, wherever the space ended', (name) => {
    const outcomes = new Set<string>();
    // What is removed has to be built again, and half a megabyte is plenty for removing.
    for (const free of name === 'prune' ? FREE.slice(0, 5) : FREE) {
      tsbuild('rmi', `${registry.host}/filler`);
      tsbuild('prune');
      fill(free);
      const result = tsbuild(...(COMMANDS[name]?.() ?? []));
      outcomes.add(result.code === 0 ? 'done' : 'failed');
      // The step's own program may be what met the full disk.
      if (result.code !== 0)
        expect(result.stderr, `${free} bytes free`).toMatch(/error\[store\/disk-full\]|No space left on device|no space left/i);
      expect(result.stderr).not.toMatch(/internal error|unexpected error/);
      empty();
      ok('verify', '--repair');
      expect(ok('verify'), `${free} bytes free`).toBe('the store is sound\n');
      ok('-q', '-t', `${registry.host}/app`, context);
    }
    // The test means something only if the space did end.
    if (name !== 'push' && name !== 'prune') expect([...outcomes].toSorted()).toEqual(['done', 'failed']);
    if (name === 'prune') expect([...outcomes]).toEqual(['done']);
  });
});

describe('the size of a store', () => {
  let bench: Workbench;
  beforeAll(async () => {
    bench = openWorkbench();
    await buildBase(bench);
  });
  afterAll(() => bench.dispose());

  const onDisk = (): number => Number(execFileSync('du', ['-sk', bench.root], { encoding: 'utf8' }).split('\t')[0]) * KIB;

  const project = (name: string, bytes = 900_000): string => {
    const context = bench.context({ Dockerfile: `FROM base\nCOPY f /f\nRUN cat /f > /g; echo ${name}\n` });
    writeFileSync(join(context, 'f'), randomBytes(bytes));
    return context;
  };

  it('is what du says, within two percent', async () => {
    for (const name of ['1', '2']) await bench.ok(['-q', '-t', `sized${name}`, project(name)]);
    const { total } = JSON.parse((await bench.ok(['du', '--format', 'json'])).stdout) as { total: number };
    expect(Math.abs(total - onDisk()) / onDisk()).toBeLessThan(0.02);
  });

  it('stays below the cap of the environment or of config.json, and keeps tagged images', async () => {
    await bench.ok(['-q', '-t', 'kept', project('kept')]);
    const limit = onDisk() + 3_000_000;
    for (let at = 0; at < 4; at += 1) {
      if (at === 2) writeFileSync(join(bench.root, 'config.json'), JSON.stringify({ maxSize: limit }));
      const env = at < 2 ? { TSBUILD_MAX_STORE_SIZE: String(limit) } : {};
      const { stderr } = await bench.ok([project(String(at))], { env });
      expect(onDisk()).toBeLessThanOrEqual(limit);
      if (at > 1) expect(stderr).toContain('to keep the store below');
    }
    expect((await bench.ok(['run', 'kept', 'wc', '-c', '/g'])).stdout).toBe('900000 /g\n');
    expect((await bench.ok(['verify'])).stdout).toBe('the store is sound\n');
  });

  it('goes below what prune is told, oldest first, with a reason for each entry, and never into tagged images', async () => {
    const own = openWorkbench();
    try {
      await own.ok([
        '-q',
        '-t',
        'tagged',
        own.context({ Dockerfile: 'FROM scratch\nCOPY . /\n', f: randomBytes(200_000).toString('hex') }),
      ]);
      const layers: string[] = [];
      for (const name of ['old', 'middle', 'new']) {
        const context = own.context({ Dockerfile: `FROM scratch\nCOPY ${name} /\n`, [name]: randomBytes(250_000).toString('latin1') });
        await own.ok(['-q', '-t', name, context]);
        const [image] = JSON.parse((await own.ok(['inspect', name])).stdout);
        layers.push(image.manifest.layers[0].digest);
        await own.ok(['rmi', name]);
      }
      const total = async () => (JSON.parse((await own.ok(['du', '--format', 'json'])).stdout) as { total: number }).total;
      const before = await total();
      expect((await own.ok(['prune', '--filter', 'until=1h'])).stdout).toMatch(/^freed 0 ?B?/);
      const cap = before - 400_000;
      expect((await own.ok(['prune', '--max-size', String(cap), '--keep', String(before + 100_000)])).stdout).toMatch(/^freed 0 ?B?/);
      const { stdout } = await own.ok(['prune', '--max-size', String(cap)]);
      expect(await total()).toBeLessThanOrEqual(cap);
      expect(stdout).toMatch(
        new RegExp(`^removed blob ${layers[0]} \\(.*\\): least recently used \\(.*Z\\), store over its limit of ${cap} bytes$`, 'm'),
      );
      expect(stdout).not.toContain(layers[2]);
      const over = await own.run(['prune', '--max-size', '1']);
      expect([over.code, over.stderr]).toEqual([1, expect.stringMatching(/^tsbuild: still .* over --max-size: tagged images, .*\nhint: /)]);
      expect(over.stdout).toContain(layers[2]);
      expect((await own.ok(['verify'])).stdout).toBe('the store is sound\n');
      expect((await own.ok(['images'])).stdout).toContain('tagged');
    } finally {
      own.dispose();
    }
  });

  it.each([
    [['--keep', '1m'], '--keep needs --max-size'],
    [['--max-size', 'lots'], '--max-size is not a size: "lots"'],
    [['--filter', 'until=soon'], '--filter until is a duration like 24h, got "soon"'],
    [['--filter', 'type=images'], '--filter type is one of blob, snapshot'],
    [['--filter', 'label=x'], '--filter has no key "label"'],
  ])('prune refuses %j', async (flags, message) => {
    const { code, stderr } = await bench.run(['prune', ...flags]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('does not measure anything when nothing was made', async () => {
    const context = project('again', 1000);
    await bench.ok(['-q', context]);
    utimesSync(bench.root, 1, 1);
    const { stderr } = await bench.ok([context], { env: { TSBUILD_MAX_STORE_SIZE: '1' } });
    expect(stderr).not.toContain('limit');
  });

  it.each([
    [{ TSBUILD_MAX_STORE_SIZE: 'much' }, 'TSBUILD_MAX_STORE_SIZE is not a size: "much"'],
    [{ TSBUILD_MAX_STORE_SIZE: '0' }, 'TSBUILD_MAX_STORE_SIZE is not a size: "0"'],
  ])('refuses %j', async (env, message) => {
    const result = await runCli(['--root', bench.root, bench.context({ Dockerfile: 'FROM base\n' })], { env });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
  });

  it.each([
    ['{', 'is not JSON'],
    ['[]', 'is no object'],
    ['{"maxsize": 1}', 'has an unknown key "maxsize"'],
    ['{"maxSize": true}', 'is not a size: true'],
  ])('refuses the configuration %s', async (text, message) => {
    const other = openWorkbench();
    mkdirSync(other.root, { recursive: true });
    writeFileSync(join(other.root, 'config.json'), text);
    const result = await other.run([other.context({ Dockerfile: 'FROM scratch\nLABEL a=b\n' })]);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain(message);
    other.dispose();
  });
});
