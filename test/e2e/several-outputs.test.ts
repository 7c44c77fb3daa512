// Several outputs of one build, each in a form of its own, and the files beside them.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { readLayout } from '../support/oci-layout.ts';
import { outputPlaces, paths } from '../support/output-places.ts';
import { startRegistry } from '../support/registry.ts';

let bench: Workbench;
let context: string;

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  context = bench.context({ Dockerfile: DOCKERFILE, 'dir/text': 'text\n' });
});
afterAll(() => bench?.dispose());

const DOCKERFILE = `FROM base AS made
RUN mkdir -p /out/sub && echo made > /out/made && ln -s made /out/link
FROM scratch
COPY --from=made /out /
COPY dir /dir
CMD ["/made"]
`;
const TREE = ['dir', 'dir/text', 'link', 'made', 'sub'];

const { place, untar } = outputPlaces(() => bench);

describe('several outputs', () => {
  it('one build fills the store, a registry, an archive and a directory', async () => {
    const registry = await startRegistry();
    try {
      const [tar, dir] = [place('all.tar'), place('all')];
      const name = `${registry.host}/all:1`;
      const outputs = ['type=image,push=true', `type=oci,dest=${tar}`, `type=local,dest=${dir}`].flatMap((output) => ['--output', output]);
      const built = await bench.ok(['-t', name, ...outputs, context]);
      const digest = built.stdout.trim();
      expect(readLayout(untar(tar)).digest).toBe(digest);
      expect(paths(dir)).toEqual(TREE);
      expect((await bench.ok(['images'])).stdout).toContain(digest.slice(7, 19));
      const answer = await fetch(`http://${registry.host}/v2/all/manifests/1`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      });
      expect(answer.headers.get('docker-content-digest')).toBe(digest);
    } finally {
      await registry.stop();
    }
  });

  it('each output has its own compression, level, media types and annotations', async () => {
    const [gzip, zstd, plain, docker] = [place('gzip'), place('zstd'), place('plain'), place('docker.tar')];
    const fresh = bench.context({ Dockerfile: 'FROM base\nCOPY text /\n', text: 'one line of many\n'.repeat(5000) });
    const built = await bench.ok([
      ...['-o', `type=oci,dest=${gzip},tar=false,compression-level=9`],
      ...['-o', `type=oci,dest=${plain},tar=false,compression=uncompressed,force-compression=true`],
      ...['-o', `type=docker,dest=${docker},annotation.in=archive`],
      ...['-o', `type=oci,dest=${zstd},tar=false,compression=zstd,annotation-manifest-descriptor.in=layout`],
      fresh,
    ]);
    const layouts = [gzip, plain, untar(docker), zstd].map(readLayout);
    expect(layouts.map(({ layers }) => layers.map(({ mediaType }) => mediaType.replace(/.*tar/, '')))).toEqual([
      ['+gzip', '+gzip'],
      ['', ''],
      ['.gzip', '.gzip'],
      ['+gzip', '+zstd'],
    ]);
    expect(layouts.map(({ diffIds }) => diffIds)).toEqual(Array(4).fill(layouts[0]?.diffIds));
    expect(built.stdout.trim()).toBe(layouts.at(-1)?.digest);
    expect(JSON.parse(readFileSync(join(zstd, 'index.json'), 'utf8')).manifests[0].annotations).toMatchObject({ in: 'layout' });
    // Cached, and every output is as it was.
    const again = place('again');
    await bench.ok(['-o', `type=oci,dest=${place('first')},tar=false`, '-o', `type=oci,dest=${again},tar=false,compression=zstd`, fresh]);
    expect(readLayout(again)).toMatchObject({ layers: layouts.at(-1)?.layers });
  });

  it('-t wins over the name of an output', async () => {
    await bench.ok(['-q', '-t', 'typed:1', '-o', 'type=image,name=unused:1', context]);
    const { stdout } = await bench.ok(['images']);
    expect([stdout.includes('typed'), stdout.includes('unused')]).toEqual([true, false]);
  });

  it('an image that is pushed by digest alone has no tag anywhere', async () => {
    const registry = await startRegistry();
    try {
      const [name, metadata] = [`${registry.host}/parts/app`, place('metadata.json')];
      // As workflows push one platform each, whose digests another job makes an index of.
      const output = 'type=image,push-by-digest=true,name-canonical=true,push=true';
      const built = await bench.ok(['-t', name, '-o', output, '--metadata-file', metadata, context]);
      const digest = built.stdout.trim();
      const answer = await fetch(`http://${registry.host}/v2/parts/app/manifests/${digest}`, {
        headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
      });
      expect(answer.status).toBe(200);
      const tags = (await (await fetch(`http://${registry.host}/v2/parts/app/tags/list`)).json()) as { tags: string[] | null };
      expect(tags.tags ?? []).toEqual([]);
      expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({ 'image.name': name, 'containerimage.digest': digest });
      expect(JSON.parse((await bench.ok(['inspect', `${name}@${digest}`])).stdout)).toMatchObject([{ digest }]);
      const tagged = await bench.run(['-t', `${name}:1`, '-o', output, context]);
      expect([tagged.code, tagged.stderr]).toEqual([1, expect.stringContaining('what is pushed by digest has no tag')]);
    } finally {
      await registry.stop();
    }
  });

  it('name-canonical=true names an image by its digest, too', async () => {
    const digest = (await bench.ok(['-q', '-t', 'canonical:1', '-o', 'type=image,name-canonical=true', context])).stdout.trim();
    const rows = JSON.parse((await bench.ok(['images', '--format', 'json'])).stdout) as { name: string }[];
    expect(rows.map((row) => row.name).filter((name) => name.startsWith('canonical'))).toEqual(['canonical:1', `canonical@${digest}`]);
  });

  it('type=docker without a place is handed to the engine, in the form that was asked for', async () => {
    const [bin, given] = [place('bin'), place('given.tar')];
    mkdirSync(bin);
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\n[ "$1" = version ] || exec cat > '${given}'\n`, { mode: 0o755 });
    const env = { PATH: `${bin}:${process.env['PATH']}` };
    const built = await bench.ok(
      ['-o', 'type=docker,name=handed:2,compression=zstd,force-compression=true,oci-mediatypes=false', context],
      { env },
    );
    const dir = untar(given);
    expect(JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'))[0].RepoTags).toEqual(['handed:2']);
    const found = readLayout(dir);
    expect(found.digest).toBe(built.stdout.trim());
    expect(new Set(found.layers.map(({ mediaType }) => mediaType))).toEqual(new Set(['application/vnd.docker.image.rootfs.diff.tar.zstd']));
    expect((await bench.ok(['images'])).stdout).toContain('handed');
  });

  it('an image with zstd layers under the types of Docker is a base like any other', async () => {
    const registry = await startRegistry();
    const other = openWorkbench();
    try {
      const name = `${registry.host}/words:1`;
      await bench.ok(['-q', '-t', name, '-o', 'type=registry,compression=zstd,force-compression=true,oci-mediatypes=false', context]);
      const dir = place('based');
      await other.ok(['-q', '-o', dir, other.context({ Dockerfile: `FROM ${name}\nCOPY --from=${name} /made /copy\n` })]);
      expect(readFileSync(join(dir, 'copy'), 'utf8')).toBe('made\n');
    } finally {
      other.dispose();
      await registry.stop();
    }
  });

  it('type=cacheonly builds and names nothing', async () => {
    const { stdout } = await bench.ok(['-t', 'nobody:1', '-o', 'type=cacheonly', context]);
    expect(stdout.trim()).toMatch(/^sha256:/);
    expect((await bench.ok(['images'])).stdout).not.toContain('nobody');
  });

  it('oci-mediatypes=false: manifests in the words of Docker, but not for eStargz', async () => {
    const registry = await startRegistry();
    try {
      let count = 0;
      const pushed = async (options: string): Promise<string> => {
        const name = `${registry.host}/types/${++count}`;
        await bench.ok(['-q', '-o', `type=image,name=${name},push=true,oci-mediatypes=false${options}`, context]);
        const accept = 'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json';
        const answer = await fetch(`http://${registry.host}/v2/types/${count}/manifests/latest`, { headers: { accept } });
        return ((await answer.json()) as { mediaType: string }).mediaType;
      };
      expect(await pushed('')).toBe('application/vnd.docker.distribution.manifest.v2+json');
      expect(await pushed(',compression=zstd')).toBe('application/vnd.docker.distribution.manifest.v2+json');
      expect(await pushed(',compression=estargz')).toBe('application/vnd.oci.image.manifest.v1+json');
    } finally {
      await registry.stop();
    }
  });

  it.each([
    ['type=cacheonly,dest=x', 'type=cacheonly has no field "dest"'],
    ['type=local', 'type=local needs dest='],
    ['type=docker,tar=false', 'tar=false needs dest='],
    ['type=docker,tar=false,dest=x', 'type=docker is written as an archive only'],
    ['type=oci,dest=x,annotation-nowhere.a=b', '"nowhere" has no annotations'],
    ['type=tar,dest=x,annotation.a=b', 'type=tar has no field "annotation.a"'],
    ['type=image,oci-mediatypes=maybe', 'oci-mediatypes is true or false, not "maybe"'],
    ['type=image,unpack=true', 'type=image has no field "unpack"'],
    ['type=registry,registry.insecure=true', 'mark the registry as insecure in registries.conf'],
    ['dest=x', '"dest=x" has no type'],
    ['type=floppy', 'type=floppy is not an output'],
  ])('--output %s is refused', async (output, message) => {
    const { code, stderr } = await bench.run(['-o', output, context]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(message);
  });

  it('--iidfile is for images, and a failed build leaves no earlier digest in it', async () => {
    const id = place('id');
    await bench.ok(['-q', '--iidfile', id, '-o', place('tree'), '-o', 'type=image', context]);
    expect(readFileSync(id, 'utf8')).toMatch(/^sha256:[0-9a-f]{64}$/);
    const refused = await bench.run(['--iidfile', id, '-o', place('tree'), context]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('outputs of type local and tar make no image')]);
    await bench.run(['--iidfile', id, bench.context({ Dockerfile: 'FROM base\nRUN exit 1\n' })]);
    expect(existsSync(id)).toBe(false);
  });

  it('type=oci alone leaves no name in the store', async () => {
    await bench.ok(['-q', '-t', 'only-archive', '--output', `type=oci,dest=${place('alone.tar')}`, context]);
    expect((await bench.ok(['images'])).stdout).not.toContain('only-archive');
  });

  it('of two targets with one archive the last writes all of it, and a link to a file stays a link', async () => {
    const target = (content: string) => ({
      'dockerfile-inline': `FROM scratch\nCOPY <<EOF /${content}\n${content}\nEOF\n`,
      output: ['type=oci,dest=one.tar'],
    });
    const cwd = bench.context({
      'docker-bake.json': JSON.stringify({ group: { default: { targets: ['a', 'b'] } }, target: { a: target('a'), b: target('b') } }),
      'real.tar': 'earlier',
    });
    symlinkSync('real.tar', join(cwd, 'one.tar'));
    await bench.ok(['bake'], { cwd });
    expect(lstatSync(join(cwd, 'one.tar')).isSymbolicLink()).toBe(true);
    expect(readLayout(untar(join(cwd, 'real.tar'))).layers).toHaveLength(1);
    expect(readdirSync(cwd).sort()).toEqual(['docker-bake.json', 'one.tar', 'real.tar']);
  });

  it('a failed build writes nothing', async () => {
    const [tar, dir] = [place('failed.tar'), place('failed')];
    const failing = bench.context({ Dockerfile: 'FROM base\nRUN echo x > /x\nRUN exit 1\n' });
    const result = await bench.run(['--output', `type=oci,dest=${tar}`, '--output', dir, failing]);
    expect(result.code).toBe(1);
    expect([existsSync(tar), existsSync(dir)]).toEqual([false, false]);
    expect(readdirSync(bench.dir).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
