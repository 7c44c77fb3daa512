// Several images in one session: what targets share runs once, a failure stops only what needs it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => bench.dispose());

const DOCKERFILE = 'FROM base AS shared\nRUN echo shared > /shared\nFROM shared\nARG NAME\nRUN echo $NAME > /name\n';
const ran = (stderr: string, text: string): number =>
  stderr.split('\n').filter((line) => /^#\d+ \S+: /.test(line) && line.includes(text)).length;

describe('bake', () => {
  it('builds targets side by side and runs what they share once', async () => {
    const names = ['one', 'two', 'three'];
    const targets = names.map((name) => `target "${name}" {\n  args = { NAME = "${name}" }\n  tags = ["bake/${name}"]\n}`);
    const cwd = bench.context({
      Dockerfile: DOCKERFILE,
      'docker-bake.hcl': `group "default" {\n  targets = ${JSON.stringify(names)}\n}\n${targets.join('\n')}\n`,
    });
    const first = await bench.ok(['bake', '--metadata-file', 'meta.json'], { cwd });
    const done = first.stderr.split('\n').filter((line) => /^#\d+ DONE/.test(line)).length;
    expect(done).toBeGreaterThan(0);
    for (const name of names) expect((await bench.ok(['run', `bake/${name}`, 'cat', '/name', '/shared'])).stdout).toBe(`${name}\nshared\n`);
    const layers = await Promise.all(
      names.map(async (name) => {
        const [image] = JSON.parse((await bench.ok(['inspect', `bake/${name}`])).stdout) as [
          { config: { rootfs: { diff_ids: string[] } } },
        ];
        return image.config.rootfs.diff_ids[1];
      }),
    );
    expect(new Set(layers).size).toBe(1);
    const metadata = JSON.parse(readFileSync(join(cwd, 'meta.json'), 'utf8')) as Record<string, unknown>;
    expect(Object.keys(metadata).toSorted()).toEqual(names.toSorted());
    const again = await bench.ok(['bake'], { cwd });
    expect(ran(again.stderr, 'RUN')).toBeGreaterThan(0);
    expect(again.stderr).not.toMatch(/RUN[^\n]*\n#\d+ DONE/);
  });

  it('builds a target from another one', async () => {
    const cwd = bench.context({
      'base.Dockerfile': 'FROM base\nRUN echo made > /made\n',
      'app.Dockerfile': 'FROM parent\nRUN cat /made > /copy\n',
      'docker-bake.json': JSON.stringify({
        target: {
          parent: { dockerfile: 'base.Dockerfile' },
          app: { dockerfile: 'app.Dockerfile', contexts: { parent: 'target:parent' }, tags: ['bake/app'] },
        },
      }),
    });
    await bench.ok(['bake', 'app'], { cwd });
    expect((await bench.ok(['run', 'bake/app', 'cat', '/copy'])).stdout).toBe('made\n');
    expect((await bench.ok(['images'])).stdout).not.toContain('bake.invalid');
  });

  it('goes on without what a failed target was needed for', async () => {
    const cwd = bench.context({
      'ok.Dockerfile': 'FROM base\nRUN sleep 1; echo ok > /ok\n',
      'bad.Dockerfile': 'FROM base\nRUN exit 7\n',
      'needs.Dockerfile': 'FROM bad\nRUN true\n',
      'docker-bake.hcl': `group "default" {
  targets = ["ok", "bad", "needs"]
}
target "ok" {
  dockerfile = "ok.Dockerfile"
  tags = ["bake/ok"]
}
target "bad" {
  dockerfile = "bad.Dockerfile"
}
target "needs" {
  dockerfile = "needs.Dockerfile"
  contexts = { bad = "target:bad" }
  tags = ["bake/needs"]
}
`,
    });
    const result = await bench.run(['bake'], { cwd });
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/exit code: 7/);
    const images = (await bench.ok(['images'])).stdout;
    expect(images).toContain('bake/ok');
    expect(images).not.toContain('bake/needs');
  });

  it('keeps steps in sections on CI and sums up what each target cost', async () => {
    const cwd = bench.context({
      Dockerfile: 'FROM base\nARG NAME\nRUN for i in 1 2 3; do echo $NAME-$i; sleep 0.1; done\n',
      'docker-bake.json': JSON.stringify({ target: { default: { name: '${n}', matrix: { n: ['x', 'y'] }, args: { NAME: '${n}' } } } }),
    });
    const { stderr } = await bench.ok(['bake', '--jobs', '2'], { cwd, env: { TSBUILD_PROGRESS: 'auto', GITHUB_ACTIONS: 'true' } });
    const sections = stderr.split('::group::').slice(1);
    const lines = sections.flatMap((section) => (/RUN/.test(section.split('\n', 1)[0] ?? '') ? [section.split('::endgroup::')[0]] : []));
    expect(lines.map((section) => section?.match(/^[xy]-\d$/gm)?.join(' ')).toSorted()).toEqual(['x-1 x-2 x-3', 'y-1 y-2 y-3']);
    expect(stderr).toMatch(/^TARGET +RESULT +TIME +CACHED +NEW +IMAGE$/m);
    expect(stderr).toMatch(/^x +built +[\d.]+s +0\/1 +\d+B +sha256:/m);
    const again = await bench.ok(['bake'], { cwd });
    expect(again.stderr).toMatch(/^y +built +[\d.]+s +1\/1 +0B +sha256:/m);
  });

  it('refuses what it cannot do by name', async () => {
    const cwd = bench.context({ Dockerfile: 'FROM base\n', 'docker-bake.hcl': 'target "default" {\n}\n' });
    const unknown = await bench.run(['bake', 'defualt'], { cwd });
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('default');
    const entitlement = await bench.run(['bake', '--allow', 'fs'], { cwd });
    expect(entitlement.code).toBe(2);
    expect(entitlement.stderr).toMatch(/--allow knows/);
  });
});
