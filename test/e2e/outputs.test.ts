// Where results go: archives, directories, stdout; and the same bytes each time.
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, TSBUILD, type Workbench } from '../support/cli.ts';
import { readLayout, sha256 } from '../support/oci-layout.ts';
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
RUN mkdir -p /out/sub && echo made > /out/made && ln -s made /out/link && ln /out/made /out/hard && chown 1000:50 /out/made && chmod 4711 /out/made
RUN rm /out/hard && touch /out/sub/late
FROM scratch
COPY --from=made /out /
COPY dir /dir
CMD ["/made"]
`;
const TREE = ['dir', 'dir/text', 'link', 'made', 'sub', 'sub/late'];

const { place, untar } = outputPlaces(() => bench);

describe('archives', () => {
  it('type=oci: a tar, and the same as a directory', async () => {
    const [tar, dir] = [place('oci.tar'), place('oci')];
    const built = await bench.ok([
      '-t',
      'shown/name:1',
      '--output',
      `type=oci,dest=${tar}`,
      '--output',
      `type=oci,dest=${dir},tar=false`,
      context,
    ]);
    const found = readLayout(untar(tar));
    expect(found.digest).toBe(built.stdout.trim());
    expect(found.names).toEqual(['docker.io/shown/name:1']);
    expect(readLayout(dir)).toEqual(found);
  });

  it('type=docker: what docker load reads', async () => {
    const tar = place('docker.tar');
    await bench.ok(['-q', '-t', 'one:1', '-t', 'two', '--output', `type=docker,dest=${tar}`, context]);
    const dir = untar(tar);
    const [entry] = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'));
    expect(entry.RepoTags).toEqual(['one:1', 'two:latest']);
    const config = JSON.parse(readFileSync(join(dir, entry.Config), 'utf8'));
    expect(config.config.Cmd).toEqual(['/made']);
    for (const [at, layer] of (entry.Layers as string[]).entries()) {
      const bytes = readFileSync(join(dir, layer));
      expect(sha256(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes)).toBe(config.rootfs.diff_ids[at]);
    }
  });

  it('--load: an engine reads the archive as a stream', async () => {
    const [tools, tar] = [place('tools'), place('loaded.tar')];
    mkdirSync(tools);
    // Docker is installed, but its daemon does not run.
    writeFileSync(join(tools, 'docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    writeFileSync(join(tools, 'podman'), `#!/bin/sh\n[ "$1" = version ] || exec cat >${tar}\n`, { mode: 0o755 });
    await bench.ok(['-q', '--load', '-t', 'loaded:1', context], { env: { PATH: `${tools}:${process.env['PATH']}` } });
    const [entry] = JSON.parse(readFileSync(join(untar(tar), 'manifest.json'), 'utf8'));
    expect(entry.RepoTags).toEqual(['loaded:1']);
  });

  it.each([
    ['gzip', 'application/vnd.oci.image.layer.v1.tar+gzip', gunzipSync],
    ['zstd', 'application/vnd.oci.image.layer.v1.tar+zstd', zstdDecompressSync],
    ['uncompressed', 'application/vnd.oci.image.layer.v1.tar', (bytes: Buffer) => bytes],
  ])('compression=%s', async (compression, mediaType, decompress) => {
    const dir = place(compression);
    // A layer that is cached keeps the compression it was made with, as in Docker: this one is new.
    const fresh = bench.context({ Dockerfile: 'FROM scratch\nCOPY . /\n', salt: compression });
    await bench.ok(['-q', '--output', `type=oci,dest=${dir},tar=false,compression=${compression}`, fresh]);
    const { layers, diffIds } = readLayout(dir);
    expect(layers.map((layer) => layer.mediaType)).toEqual([mediaType]);
    for (const [at, layer] of layers.entries()) {
      expect(sha256(decompress(readFileSync(join(dir, 'blobs/sha256', layer.digest.slice(7)))))).toBe(diffIds[at]);
    }
  });

  interface ShippedLayer {
    readonly digest: string;
    readonly mediaType: string;
    readonly annotations?: Readonly<Record<string, string>>;
  }
  const TOC = 'containerd.io/snapshot/stargz/toc.digest';

  /** Layers of `dockerfile`'s image, each checked against its diffID. */
  async function shipped(options: string, dockerfile: string): Promise<readonly ShippedLayer[]> {
    const dir = place('shipped');
    await bench.ok(['-q', '--output', `type=oci,dest=${dir},tar=false,${options}`, bench.context({ Dockerfile: dockerfile })]);
    const { layers, diffIds } = readLayout(dir);
    for (const [at, layer] of layers.entries()) {
      const bytes = readFileSync(join(dir, 'blobs/sha256', layer.digest.slice(7)));
      const tar = layer.mediaType.endsWith('+gzip')
        ? gunzipSync(bytes)
        : layer.mediaType.endsWith('+zstd')
          ? zstdDecompressSync(bytes)
          : bytes;
      expect(sha256(tar)).toBe(diffIds[at]);
    }
    return layers;
  }

  it('compression=estargz makes the layers of this build seekable, cached or not, and force-compression all of them', async () => {
    const dockerfile = 'FROM base\nRUN mkdir /es && echo seek > /es/file\n';
    const plain = await shipped('compression=gzip', dockerfile);
    const own = await shipped('compression=estargz', dockerfile);
    expect(own.map((layer) => layer.annotations?.[TOC] !== undefined)).toEqual([...plain.slice(1).map(() => false), true]);
    expect(own.slice(0, -1)).toEqual(plain.slice(0, -1));
    const forced = await shipped('compression=estargz,force-compression=true', dockerfile);
    expect(forced.every((layer) => layer.annotations?.[TOC]?.startsWith('sha256:'))).toBe(true);
    expect(forced.at(-1)).toEqual(own.at(-1));
    // Nothing of that changes what the steps made.
    expect(await shipped('compression=gzip', dockerfile)).toEqual(plain);
  });

  it('force-compression converts what the base and the cache have', async () => {
    const dockerfile = 'FROM base\nRUN echo forced > /forced\n';
    const plain = await shipped('compression=gzip', dockerfile);
    expect((await shipped('compression=zstd', dockerfile)).map(({ mediaType }) => mediaType)).toEqual(
      plain.map(({ mediaType }) => mediaType),
    );
    for (const [compression, suffix] of [
      ['zstd', 'tar+zstd'],
      ['uncompressed', 'v1.tar'],
    ]) {
      const forced = await shipped(`compression=${compression},force-compression=1`, dockerfile);
      expect(forced.map(({ mediaType }) => mediaType.endsWith(suffix ?? ''))).toEqual(plain.map(() => true));
    }
    expect(await shipped('compression=gzip,force-compression=true', dockerfile)).toEqual(plain);
  });

  it('an eStargz image is pushed, and is a base and a program to run like any other', async () => {
    const registry = await startRegistry();
    try {
      const name = `${registry.host}/es:1`;
      const made = bench.context({ Dockerfile: 'FROM base\nRUN echo seekable > /file && rm -f /etc/group\nCMD ["cat", "/file"]\n' });
      await bench.ok(['-q', '-t', name, '--output', 'type=registry,compression=estargz,force-compression=true', made]);
      const other = openWorkbench();
      try {
        const next = other.context({ Dockerfile: `FROM ${name}\nRUN test ! -e /etc/group && cp /file /copy\n` });
        await other.ok(['-q', '-t', 'next', next]);
        expect((await other.ok(['run', 'next', 'cat', '/copy', '/file'])).stdout).toBe('seekable\nseekable\n');
      } finally {
        other.dispose();
      }
    } finally {
      await registry.stop();
    }
  });

  it('type=docker has OCI manifests when layers are eStargz, and a tree never shows their tables', async () => {
    const [tar, dir] = [place('es.tar'), place('tree')];
    const files = bench.context({ Dockerfile: 'FROM scratch\nCOPY . /\n', one: '1' });
    await bench.ok(['-q', '-t', 'es', '--output', `type=docker,dest=${tar},compression=estargz`, '--output', dir, files]);
    const layers = readLayout(untar(tar)).layers as readonly ShippedLayer[];
    expect(layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+gzip');
    expect(layers[0]?.annotations).toHaveProperty(TOC);
    expect(paths(dir)).toEqual(['Dockerfile', 'one']);
  });

  it.each([
    ['compression=lzma', 'compression is gzip, zstd, estargz or uncompressed, not "lzma"'],
    ['compression-level=high', 'compression-level is a number, not "high"'],
    ['force-compression=maybe', 'force-compression is true or false, not "maybe"'],
  ])('%s is refused', async (field, message) => {
    const { code, stderr } = await bench.run(['--output', `type=oci,dest=-,${field}`, context]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe('files without an image', () => {
  it('type=local and a bare directory', async () => {
    for (const output of ['type=local,dest=', '']) {
      const dir = place('local');
      const built = await bench.ok(['--output', `${output}${dir}`, context]);
      expect(built.stdout).toBe('');
      expect(paths(dir)).toEqual(TREE);
      expect(readFileSync(join(dir, 'made'), 'utf8')).toBe('made\n');
      expect(readlinkSync(join(dir, 'link'))).toBe('made');
      expect(statSync(join(dir, 'made'))).toMatchObject({ nlink: 1 });
    }
  });

  it('type=local adds to what is there, and writes through no link of it', async () => {
    const [dir, outside] = [place('local'), place('outside')];
    mkdirSync(join(dir), { recursive: true });
    mkdirSync(outside);
    execFileSync('ln', ['-s', outside, join(dir, 'sub')]);
    writeFileSync(join(dir, 'kept'), 'kept\n');
    await bench.ok(['--output', dir, context]);
    expect(readdirSync(outside)).toEqual([]);
    expect(readFileSync(join(dir, 'kept'), 'utf8')).toBe('kept\n');
    expect(lstatSync(join(dir, 'sub')).isDirectory()).toBe(true);
  });

  it('type=tar, to a file and to stdout, with owners and modes', async () => {
    const [file, piped] = [place('tree.tar'), place('piped.tar')];
    await bench.ok(['--output', `type=tar,dest=${file}`, context]);
    const command = ['sh', '-c', `exec "$0" "$@" > '${piped}'`, TSBUILD];
    await bench.ok(['--output', '-', context], { command });
    expect(readFileSync(piped).equals(readFileSync(file))).toBe(true);
    const list = execFileSync('tar', ['-tvf', file, '--numeric-owner'], { encoding: 'utf8' }).split('\n');
    expect(
      list
        .map((line) => line.split(/\s+/)[5]?.replace(/\/$/, ''))
        .filter(Boolean)
        .sort(),
    ).toEqual(TREE);
    expect(list.find((line) => line.startsWith('-') && line.endsWith(' made'))).toMatch(/^-rws--x--x 1000\/50 /);
  });

  it('several platforms are kept apart', async () => {
    const dir = place('platforms');
    const multi = bench.context({ Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\n', amd64: 'x86\n', arm64: 'arm\n' });
    await bench.ok(['--platform', 'linux/amd64,linux/arm64', '--output', dir, multi]);
    expect(paths(dir)).toEqual(['linux_amd64', 'linux_amd64/arch', 'linux_arm64', 'linux_arm64/arch']);
    expect(readFileSync(join(dir, 'linux_arm64/arch'), 'utf8')).toBe('arm\n');
  });
});

describe('annotations', () => {
  interface Entry {
    readonly digest: string;
    readonly annotations?: Record<string, string>;
    readonly platform?: { readonly architecture: string };
    readonly manifests?: readonly Entry[];
  }
  const document = (dir: string, path: string): Entry => JSON.parse(readFileSync(join(dir, path), 'utf8')) as Entry;
  const annotations = ['all=1', 'manifest[linux/arm64]:all=2', 'index:on=index', 'manifest-descriptor:entry=1', 'index-descriptor:top=1'];

  /** [what, annotations of its descriptor, its own] of the index and each manifest. */
  function annotated(dir: string): unknown[] {
    const [top] = document(dir, 'index.json').manifests ?? [];
    const own = (entry: Entry | undefined): Entry => document(dir, `blobs/sha256/${entry?.digest.slice(7)}`);
    const { 'org.opencontainers.image.created': _, ...descriptor } = top?.annotations ?? {};
    const manifests = (own(top).manifests ?? []).map((entry) => [entry.platform?.architecture, entry.annotations, own(entry).annotations]);
    return [['index', descriptor, own(top).annotations], ...manifests];
  }
  // What buildx and BuildKit 0.29 make of the same.
  const expected = [
    ['index', { top: '1' }, { on: 'index' }],
    ['amd64', { entry: '1' }, { all: '1' }],
    ['arm64', { entry: '1' }, { all: '2' }],
  ];
  const scratch = { Dockerfile: 'FROM scratch\nCOPY Dockerfile /\n' };

  it('are on manifests, indexes and their descriptors', async () => {
    const tar = place('annotated.tar');
    const flags = annotations.flatMap((annotation) => ['--annotation', annotation]);
    const cwd = bench.context(scratch);
    await bench.ok(['--platform', 'linux/amd64,linux/arm64', ...flags, '--output', `type=oci,dest=${tar}`, cwd]);
    expect(annotated(untar(tar))).toEqual(expected);
    const refused = await bench.run(['--annotation', 'index:a=b', cwd]);
    expect(refused.stderr).toContain('annotation a is for an index, and one platform makes none');
  });

  it('are an attribute of targets of a bake', async () => {
    const tar = place('annotated.tar');
    const target = { annotations, platforms: ['linux/amd64', 'linux/arm64'], output: [`type=oci,dest=${tar}`] };
    const cwd = bench.context({ ...scratch, 'docker-bake.json': JSON.stringify({ target: { default: target } }) });
    await bench.ok(['bake'], { cwd });
    expect(annotated(untar(tar))).toEqual(expected);
  });

  it('of attestations only their absence can be asked for', async () => {
    const cwd = bench.context(scratch);
    await bench.ok(['--attest', 'type=sbom,disabled=true', '--provenance=false', '--sbom=0', cwd]);
    for (const flags of [['--attest', 'type=sbom'], ['--provenance=mode=max'], ['--sbom', 'true'], ['--attest', 'mode=max']])
      expect((await bench.run([...flags, cwd])).stderr).toMatch(/attestations are not made|has no type/);
  });
});

describe('the same bytes', () => {
  it('two stores make one digest with SOURCE_DATE_EPOCH', async () => {
    const archive = place('base.tar');
    // The first step adds /dev, /proc and /sys, with the time it runs at.
    await bench.ok(['-q', '-t', 'with-dev', bench.context({ Dockerfile: 'FROM base\nRUN true\n' })]);
    await bench.ok(['save', '-o', archive, 'with-dev']);
    const digests: string[] = [];
    for (const round of ['first', 'second']) {
      const other = openWorkbench();
      try {
        await other.ok(['load', '-i', archive]);
        const files = {
          Dockerfile:
            'FROM with-dev\nCOPY x /app\nWORKDIR /app\nRUN --network=none echo made > made && touch -d @1600000000 made .\nLABEL a=b\n',
          'x/y': 'y\n',
        };
        const where = other.context(files);
        execFileSync('find', [where, '-exec', 'touch', '-h', '-d', '@1500000000', '{}', '+']);
        const built = await other.ok(['-q', '-t', round, where], { env: { SOURCE_DATE_EPOCH: '1600000000' } });
        digests.push(built.stdout.trim());
        const [image] = JSON.parse((await other.ok(['inspect', round])).stdout);
        expect(image.config.created).toBe('2020-09-13T12:26:40Z');
      } finally {
        other.dispose();
      }
    }
    expect(digests[0]).toMatch(/^sha256:/);
    expect(digests[1]).toBe(digests[0]);
  });

  it('rewrite-timestamp: no file of this build is younger than the epoch, and two builds at two times are one image', async () => {
    const epoch = 1_600_000_000;
    const files = {
      Dockerfile: `FROM base
COPY old young /files/
RUN echo made > /made && ln /made /again && touch -d @1000000000 /long-ago
WORKDIR /made/../work
`,
      old: 'old\n',
      young: 'young\n',
    };
    const archive = place('base.tar');
    await bench.ok(['save', '-o', archive, 'base']);
    const digests: string[] = [];
    let dir = '';
    for (const [round, options] of ['compression=zstd', 'compression=zstd', 'compression=gzip'].entries()) {
      const other = openWorkbench();
      try {
        await other.ok(['load', '-i', archive]);
        const where = other.context(files);
        utimesSync(join(where, 'old'), 1_200_000_000, 1_200_000_000);
        utimesSync(join(where, 'young'), epoch + 1000 + round, epoch + 1000 + round);
        dir = place('rewritten');
        const output = `type=oci,dest=${dir},tar=false,rewrite-timestamp=true,${options}`;
        digests.push((await other.ok(['-q', '--build-arg', `SOURCE_DATE_EPOCH=${epoch}`, '-o', output, where])).stdout.trim());
      } finally {
        other.dispose();
      }
    }
    expect(digests[1]).toBe(digests[0]);
    const times = readLayout(dir)
      .layers.slice(1)
      .map(({ digest }) => timesOf(join(dir, 'blobs/sha256', digest.slice(7))));
    expect(times).toEqual([
      { 'files/': epoch, 'files/old': 1_200_000_000, 'files/young': epoch },
      expect.objectContaining({ made: epoch, again: epoch, 'long-ago': 1_000_000_000 }),
      { 'work/': epoch },
    ]);
  });

  it('rewrite-timestamp without an epoch says that it does nothing', async () => {
    const { stderr } = await bench.ok(['-o', `type=oci,dest=${place('plain.tar')},rewrite-timestamp=1`, context]);
    expect(stderr).toContain('rewrite-timestamp=true changes nothing without SOURCE_DATE_EPOCH');
  });
});

/** Member → seconds, of a layer's tar. */
function timesOf(layer: string): Record<string, number> {
  const listing = execFileSync('tar', ['--list', '--verbose', '--full-time', '--utc', '-zf', layer], { encoding: 'utf8' });
  const lines = listing.trimEnd().split('\n');
  return Object.fromEntries(
    lines.map((line) => {
      const [, , , day, time, name = ''] = line.split(/\s+/);
      return [name, Date.parse(`${day}T${time}Z`) / 1000];
    }),
  );
}
