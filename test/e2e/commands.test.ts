// The commands around builds: names and archives of images, containers of them, care of the store, help.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands/table.ts';
import { buildApp } from '../support/app-image.ts';
import { buildBase, HOME, openWorkbench, runCli, TSBUILD, type Workbench } from '../support/cli.ts';

let bench: Workbench;
let digest: string;
let layerDigest: string;

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  digest = (await buildApp(bench, 'app:1', 'app:same')).stdout.trim();
  const [image] = JSON.parse((await bench.ok(['inspect', 'app:1'])).stdout);
  layerDigest = image.manifest.layers[0].digest;
});
afterAll(() => bench?.dispose());

describe('images', () => {
  it('lists names, digests and platforms', async () => {
    const table = (await bench.ok(['images'])).stdout;
    expect(table).toMatch(new RegExp(`^app:1 +${digest.slice(7, 19)} +linux/\\w+ .* \\d+(\\.\\d+)?MB$`, 'm'));
    expect((await bench.ok(['images', '-q'])).stdout.split('\n')).toContain(digest);
    const rows = JSON.parse((await bench.ok(['images', '--format', 'json'])).stdout) as { name: string; digest: string }[];
    expect(rows.filter((row) => row.digest === digest).map((row) => row.name)).toEqual(['app:1', 'app:same']);
  });

  it('tag and rmi work on names, by name or digest', async () => {
    await bench.ok(['tag', digest.slice(7, 19), 'registry.example/copied:2']);
    expect((await bench.ok(['inspect', 'registry.example/copied:2'])).stdout).toContain(digest);
    expect((await bench.ok(['rmi', 'registry.example/copied:2'])).stdout).toBe('untagged: registry.example/copied:2\n');
    const gone = await bench.run(['rmi', 'registry.example/copied:2']);
    expect(gone).toMatchObject({ code: 1, stdout: '' });
    expect(gone.stderr).toMatch(/error\[build\/no-such-image\]/);
    expect((await bench.run(['inspect', 'ap:1'])).stderr).toMatch(/did you mean app:1/);
    await bench.ok(['inspect', 'app:1']);
  });

  it('inspect shows manifest and config', async () => {
    const [image] = JSON.parse((await bench.ok(['inspect', 'app:1'])).stdout);
    expect(image).toMatchObject({
      name: 'app:1',
      digest,
      config: {
        config: { Env: expect.arrayContaining(['GREETING=hello']), User: 'nobody', WorkingDir: '/work', Labels: { kind: 'test' } },
      },
    });
    expect(image.config.rootfs.diff_ids).toHaveLength(image.manifest.layers.length);
  });

  it('history shows steps, newest first', async () => {
    const table = (await bench.ok(['history', '--no-trunc', 'app:1'])).stdout.split('\n');
    expect(table[0]).toMatch(/^CREATED +CREATED BY +SIZE +COMMENT$/);
    expect(table[1]).toContain('CMD ["default" "words"]');
    const rows = JSON.parse((await bench.ok(['history', '--format', 'json', 'app:1'])).stdout) as { created_by: string; size: number }[];
    const made = rows.find((row) => row.created_by.includes('mkdir /work'));
    expect(made?.size).toBeGreaterThan(0);
    expect(rows.find((row) => row.created_by.startsWith('LABEL'))?.size).toBe(0);
  });
});

describe('save and load', () => {
  it.each(['docker', 'oci'])('%s archives come back as they went', async (format) => {
    const archive = join(bench.dir, `${format}.tar`);
    await bench.ok(['save', '--format', format, '-o', archive, 'app:1', 'base']);
    const other = openWorkbench();
    try {
      expect((await other.ok(['load', '-i', archive])).stdout).toBe('loaded: app:1\nloaded: base:latest\n');
      const [before, after] = [await bench.ok(['inspect', 'app:1']), await other.ok(['inspect', 'app:1'])].map(
        ({ stdout }) => JSON.parse(stdout)[0],
      );
      expect(after.config).toEqual(before.config);
      expect((await other.ok(['verify'])).stdout).toBe('the store is sound\n');
      expect((await other.ok(['run', '--network', 'none', 'app:1'])).stdout).toContain('hello world');
    } finally {
      other.dispose();
    }
  });

  it('through a pipe', async () => {
    const other = openWorkbench();
    try {
      const pipe = `"$0" --root '${bench.root}' save app:1 | "$0" --root '${other.root}' load`;
      expect(execFileSync('sh', ['-c', pipe, TSBUILD], { encoding: 'utf8' })).toBe('loaded: app:1\n');
    } finally {
      other.dispose();
    }
  });

  it('load refuses what is no archive', async () => {
    const result = await bench.run(['load'], { stdin: 'this is no archive\n'.repeat(100) });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/error\[.*\n(.*\n)*hint: /);
  });
});

describe('flags that Docker has and tsbuild has not', () => {
  const refused = COMMANDS.flatMap(({ spec }) => spec.flags.filter((flag) => flag.refused !== undefined).map((flag) => ({ spec, flag })));
  it.each(refused)('$spec.name --$flag.name is refused with the reason', async ({ spec, flag }) => {
    const args = Array.from({ length: spec.min }, () => 'x');
    const result = await bench.run([spec.name, flag.kind === 'switch' ? `--${flag.name}` : `--${flag.name}=y`, ...args]);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(`--${flag.name} is not supported: ${flag.refused}`);
  });
});

describe('store', () => {
  it('du counts, prune frees what no image needs, and images still work', async () => {
    const own = openWorkbench();
    try {
      await buildBase(own);
      await own.ok(['-q', '-t', 'kept', own.context({ Dockerfile: 'FROM base\nRUN --network=none echo kept > /k\n' })]);
      await own.ok(['-q', own.context({ Dockerfile: 'FROM base\nRUN --network=none head -c 300000 /dev/urandom > /junk\n' })]);
      const before = JSON.parse((await own.ok(['du', '--format', 'json'])).stdout) as { total: number; reclaimable: number };
      expect(before.reclaimable).toBeGreaterThan(300_000);
      expect((await own.ok(['du', '-v'])).stdout).toMatch(/^blob +\d+ /m);

      const dry = (await own.ok(['prune', '--all', '--dry-run'])).stdout;
      expect(dry).toMatch(/would remove blob [\s\S]*would free /);
      expect(JSON.parse((await own.ok(['du', '--format', 'json'])).stdout).total).toBe(before.total);

      expect((await own.ok(['prune', '--all'])).stdout).toMatch(/^removed blob sha256:\w+ .*: /m);
      const after = JSON.parse((await own.ok(['du', '--format', 'json'])).stdout) as { total: number };
      expect(after.total).toBeLessThan(before.total - 300_000);
      expect((await own.ok(['run', '--network', 'none', 'kept', 'cat', '/k'])).stdout).toBe('kept\n');
      expect((await own.ok(['verify'])).stdout).toBe('the store is sound\n');
    } finally {
      own.dispose();
    }
  });

  it('verify finds damage, --repair removes it, the next build makes it anew', async () => {
    const own = openWorkbench();
    try {
      await buildBase(own);
      const context = own.context({ Dockerfile: 'FROM scratch\nCOPY a /a\n', a: 'a\n' });
      await own.ok(['-q', '-t', 'damaged', context]);
      const [image] = JSON.parse((await own.ok(['inspect', 'damaged'])).stdout);
      const hex = image.manifest.layers[0].digest.slice(7) as string;
      const path = join(own.root, 'blobs-v1/sha256', hex.slice(0, 2), hex);
      rmSync(path);
      const found = await own.run(['verify']);
      expect(found.code).toBe(1);
      expect(found.stdout).toContain(hex);
      // Records can be dropped; a name whose image is incomplete is the user's to decide on.
      const repaired = await own.run(['verify', '--repair']);
      expect(repaired.stdout).toMatch(/dangling-record .*\(repaired\)\nincomplete-image .*damaged/);
      expect(repaired.code).toBe(1);
      const rmi = /incomplete-image .* build or pull it again, or give the name up: tsbuild (rmi \S+)\n/.exec(repaired.stdout)?.[1] ?? '';
      await own.ok(rmi.split(' '));
      expect((await own.ok(['verify', '--repair'])).stdout).toBe('the store is sound\n');
      await own.ok(['-q', '-t', 'damaged', context]);
      expect((await own.ok(['verify'])).stdout).toBe('the store is sound\n');
    } finally {
      own.dispose();
    }
  });

  it('verify compares unpacked layers with what they hold, --deep their content too; repaired ones are unpacked again', async () => {
    const own = openWorkbench();
    try {
      await buildBase(own);
      const dockerfile = 'FROM base\nRUN mkdir /t && echo one > /t/a && echo two > /t/b && ln -s a /t/l && ln /t/a /t/h && rm /etc/group\n';
      const context = own.context({ Dockerfile: `${dockerfile}RUN cat /t/* > /all\n` });
      await own.ok(['-q', context]);
      expect((await own.ok(['verify', '--deep'])).stdout).toBe('the store is sound\n');
      const trees = join(own.root, 'snapshots-v1');
      const tree = readdirSync(trees).find((id) => existsSync(join(trees, id, 'fs/t/b')));
      const file = (name: string) => join(trees, tree ?? '', 'fs/t', name);
      const found = async (...flags: readonly string[]) => (await own.run(['verify', ...flags])).stdout.split('\n')[0];
      writeFileSync(file('b'), 'TWO\n');
      expect(await found()).toBe('the store is sound');
      expect(await found('--deep')).toMatch(/^damaged-snapshot .* in the unpacked layer sha256:[0-9a-f]{64}, "t\/b" has other content$/);
      truncateSync(file('b'), 0);
      expect(await found()).toContain('"t/b" has 0 bytes instead of 4');
      rmSync(file('b'));
      expect(await found()).toContain('"t/b" is missing');
      writeFileSync(file('b'), 'two\n');
      rmSync(file('l'));
      symlinkSync('b', file('l'));
      expect(await found()).toContain('"t/l" leads somewhere else');
      expect(await found('--repair')).toMatch(/^damaged-snapshot .*\(repaired\)$/);
      expect((await own.ok(['verify', '--deep'])).stdout).toBe('the store is sound\n');
      const next = own.context({ Dockerfile: `${dockerfile}RUN readlink /t/l && cat /t/b\n` });
      expect((await own.ok(['--progress=plain', next])).stderr).toMatch(/ a\n.* two\n/);
    } finally {
      own.dispose();
    }
  });

  it('the blob of a shared layer is there once', async () => {
    const listing = execFileSync('find', [join(bench.root, 'blobs-v1'), '-name', layerDigest.slice(7)], { encoding: 'utf8' });
    expect(listing.trim().split('\n')).toHaveLength(1);
  });
});

describe('help', () => {
  it.each(COMMANDS.map((command) => command.spec))('$name --help lists every flag it takes', async (spec) => {
    const { code, stdout, stderr } = await runCli([spec.name, '--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.startsWith(`tsbuild ${spec.name}: ${spec.summary}\n`)).toBe(true);
    for (const flag of spec.flags) expect(stdout.includes(`--${flag.name}`)).toBe(flag.refused === undefined);
  });

  it('the overview names every command', async () => {
    const { code, stdout } = await runCli(['--help']);
    expect((await runCli(['help'])).stdout).toBe(stdout);
    expect((await runCli(['help', 'tag'])).stdout).toBe((await runCli(['tag', '--help'])).stdout);
    expect(code).toBe(0);
    const rows = stdout.split('\n').map((line) => line.trim().replace(/ {2,}/, '  '));
    for (const { spec } of COMMANDS) expect(rows.map((row) => row.replace(/^(\S+) +/, '$1 '))).toContain(`${spec.name} ${spec.summary}`);
    expect((await runCli([])).code).toBe(2);
  });

  it('version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')) as { version: string };
    expect((await runCli(['version'])).stdout).toMatch(new RegExp(`^tsbuild ${version}, Node v\\d+`));
    expect((await runCli(['--version'])).stdout).toBe((await runCli(['version'])).stdout);
  });

  it('doctor says what this host allows', async () => {
    const result = await runCli(['doctor']);
    expect(result.stdout).toMatch(/isolation/i);
    const findings = JSON.parse((await runCli(['doctor', '--format', 'json'])).stdout) as unknown;
    expect(findings).toBeTruthy();
  });
});
