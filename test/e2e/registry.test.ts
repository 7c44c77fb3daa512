// Images to and from real registries: what is sent, what is not sent again, who may, and whom we trust.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { REGISTRY_PASSWORD, REGISTRY_USER, startRegistry, type TestRegistry } from '../support/registry.ts';

let registry: TestRegistry;
let bench: Workbench;
const others: Workbench[] = [];

/** Another machine: a store of its own. */
function otherBench(): Workbench {
  const other = openWorkbench();
  others.push(other);
  return other;
}

beforeAll(async () => {
  registry = await startRegistry();
  bench = openWorkbench();
  await buildBase(bench);
  await bench.ok(['tag', 'base', `${registry.host}/library/base`]);
  await bench.ok(['push', '-q', `${registry.host}/library/base`]);
});
afterAll(async () => {
  bench?.dispose();
  for (const other of others) other.dispose();
  await registry?.stop();
});

/** Requests of the access log since `from`, as `METHOD /path`. */
const requests = (from: number, of = registry): string[] =>
  [
    ...of
      .log()
      .slice(from)
      .matchAll(/"((?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+) HTTP/g),
  ].map(([, request = '']) => request);
const uploads = (from: number): string[] => requests(from).filter((request) => /^(POST|PATCH|PUT) .*\/blobs\//.test(request));

interface ManifestDocument {
  readonly manifests?: readonly { readonly digest: string; readonly platform: { readonly architecture: string } }[];
  readonly config?: { readonly digest: string; readonly size: number };
  readonly layers?: readonly { readonly digest: string; readonly size: number }[];
}
const ACCEPT = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json';

/** Reads an image with nothing but HTTP and sha256; every blob must be what the manifest says. */
async function readBack(name: string, reference: string, host = registry.host): Promise<{ digest: string; document: ManifestDocument }> {
  const answer = await fetch(`http://${host}/v2/${name}/manifests/${reference}`, { headers: { accept: ACCEPT } });
  expect(answer.status).toBe(200);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const document = JSON.parse(bytes.toString()) as ManifestDocument;
  for (const { digest } of document.manifests ?? []) await readBack(name, digest, host);
  for (const blob of [...(document.layers ?? []), ...(document.config === undefined ? [] : [document.config])]) {
    const content = Buffer.from(await (await fetch(`http://${host}/v2/${name}/blobs/${blob.digest}`)).arrayBuffer());
    expect(content).toHaveLength(blob.size);
    expect(`sha256:${createHash('sha256').update(content).digest('hex')}`).toBe(blob.digest);
  }
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, document };
}

describe('push and pull', () => {
  it('sends an image that others can read by tag and by digest', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nCOPY a /a\nRUN cat /a > /b\n', a: 'pushed\n' });
    const name = `${registry.host}/team/app:1.0`;
    const pushed = await bench.ok(['-t', name, '--push', context]);
    const digest = pushed.stdout.trim();
    expect((await readBack('team/app', '1.0')).digest).toBe(digest);

    const other = otherBench();
    expect((await other.ok(['pull', '-q', name])).stdout.trim()).toBe(digest);
    expect((await other.ok(['run', '--network=none', name, 'cat', '/b'])).stdout).toBe('pushed\n');
    expect((await other.ok(['pull', '-q', `${registry.host}/team/app@${digest}`])).stdout.trim()).toBe(digest);
    const [mine, theirs] = await Promise.all([bench.ok(['inspect', name]), other.ok(['inspect', name])]);
    expect(JSON.parse(theirs.stdout)).toEqual(JSON.parse(mine.stdout));
  });

  it('sends nothing twice', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nCOPY a /a\n', a: 'once\n' });
    const build = ['-t', `${registry.host}/team/once`, '--push', context];
    await bench.ok(build);
    const before = registry.log().length;
    await bench.ok(build);
    await bench.ok(['push', `${registry.host}/team/once`]);
    expect(uploads(before)).toEqual([]);
    expect(requests(before).filter((request) => request.startsWith('GET') && request.includes('/blobs/'))).toEqual([]);
  });

  it('mounts what another repository of the registry has', async () => {
    await bench.ok([
      '-t',
      `${registry.host}/team/first`,
      '--push',
      bench.context({ Dockerfile: 'FROM base\nCOPY a /a\n', a: 'mounted\n' }),
    ]);
    const before = registry.log().length;
    await bench.ok(['tag', `${registry.host}/team/first`, `${registry.host}/team/second`]);
    await bench.ok(['push', `${registry.host}/team/second`]);
    expect(uploads(before).filter((request) => request.includes('mount=sha256')).length).toBeGreaterThanOrEqual(2);
    expect(uploads(before).filter((request) => !request.includes('mount=sha256'))).toEqual([]);
    await readBack('team/second', 'latest');
  });

  it('neither downloads nor uploads the base of an image that only changes the config', async () => {
    const other = otherBench();
    const before = registry.log().length;
    const context = other.context({ Dockerfile: `FROM ${registry.host}/library/base\nENV A=b\nENTRYPOINT ["cat"]\n` });
    await other.ok(['-t', `${registry.host}/team/thin`, '--push', context]);
    const seen = requests(before);
    const { document } = await readBack('team/thin', 'latest');
    const base = document.layers?.[0]?.digest ?? '';
    expect(seen.filter((request) => request.includes(base) && !/^HEAD|mount=/.test(request))).toEqual([]);
    expect(seen.some((request) => request.includes(`mount=${encodeURIComponent(base)}`) || request.includes(`mount=${base}`))).toBe(true);
  });

  it('reads the base only for what needs it: COPY --link nothing, COPY its layers, neither unpacks', async () => {
    const base = `${registry.host}/library/base`;
    for (const [instructions, reads] of [
      ['COPY --link a /link/\nLABEL a=b', false],
      ['COPY a /bin/a\nWORKDIR /w', true],
    ] as const) {
      const other = otherBench();
      const before = registry.log().length;
      await other.ok(['-q', '-t', 'lazy', other.context({ Dockerfile: `FROM ${base}\n${instructions}\n`, a: 'a' })]);
      const [image] = JSON.parse((await other.ok(['inspect', 'lazy'])).stdout);
      const layer = image.manifest.layers[0].digest as string;
      expect(requests(before).some((request) => request.startsWith('GET') && request.includes(layer))).toBe(reads);
      expect(existsSync(join(other.root, 'snapshots-v1')) ? readdirSync(join(other.root, 'snapshots-v1')) : []).toEqual([]);
    }
  });

  it('sends a layer while later steps run', async () => {
    // The step ends once the layer below it is in the registry, which it would never be if layers waited for the build.
    const before = registry.log().length;
    const sent = () => uploads(before).filter((request) => request.startsWith('PUT')).length > 0;
    const gate = createServer(async (_, response) => {
      for (let tries = 0; tries < 600 && !sent(); tries += 1) await sleep(100);
      response.end(sent() ? 'sent' : 'not sent');
    });
    await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
    try {
      const address = gate.address();
      const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`;
      const dockerfile = `FROM base\nCOPY early /early\nRUN wget -q -O /answer ${url} && grep -qx sent /answer\n`;
      const context = bench.context({ Dockerfile: dockerfile, early: randomBytes(100_000).toString('hex') });
      await bench.ok(['--network=host', '--push', '-t', `${registry.host}/team/early`, context]);
    } finally {
      gate.close();
    }
  });

  it.each([
    ['COPY', 'COPY noise /noise'],
    ['RUN', 'RUN --mount=from=noise,target=/in cat /in/noise > /noise'],
    ['COPY --from', 'COPY --from=noise /noise /noise'],
  ])('sends a large layer of %s while it is written', async (_, instruction) => {
    const noise = randomBytes(20_000_000);
    const context = bench.context({ Dockerfile: `FROM scratch AS noise\nCOPY noise /noise\nFROM base\n${instruction}\n` });
    writeFileSync(join(context, 'noise'), noise);
    const [before, name] = [registry.log().length, `${registry.host}/team/large`];
    await bench.ok(['--push', '--network=none', '-t', name, '-t', `${name}:2`, '-t', `${name}-too`, context]);
    // Only an upload of unknown length begins with PATCH; the other repository mounts what came of it.
    expect(uploads(before).filter((request) => request.startsWith('PATCH'))).toHaveLength(1);
    expect(requests(before).filter((request) => request.startsWith('DELETE'))).toEqual([]);
    await readBack('team/large', 'latest');
    await readBack('team/large-too', 'latest');
    const other = otherBench();
    await other.ok(['pull', '-q', name]);
    const sum = createHash('sha256').update(noise).digest('hex');
    expect((await other.ok(['run', '--network=none', name, 'sha256sum', '/noise'])).stdout).toBe(`${sum}  /noise\n`);
  });

  it('pushes one index for several platforms, from which each build takes its own', async () => {
    const Dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /arch\n';
    const context = bench.context({ Dockerfile, amd64: 'x86\n', arm64: 'arm\n' });
    const name = `${registry.host}/team/multi`;
    const built = await bench.ok(['--platform', 'linux/amd64,linux/arm64', '-t', name, '--push', context]);
    const { digest, document } = await readBack('team/multi', 'latest');
    expect(digest).toBe(built.stdout.trim());
    expect(document.manifests?.map((manifest) => manifest.platform.architecture)).toEqual(['amd64', 'arm64']);

    const other = otherBench();
    const from = other.context({ Dockerfile: `FROM ${name}\nCOPY Dockerfile /more\n` });
    for (const architecture of ['arm64', 'amd64']) {
      await other.ok(['-q', '--platform', `linux/${architecture}`, '-t', architecture, from]);
      const [image] = JSON.parse((await other.ok(['inspect', '--platform', `linux/${architecture}`, architecture])).stdout);
      expect(image.config.architecture).toBe(architecture);
    }
    const missing = await other.run(['--platform', 'linux/s390x', from]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toMatch(/linux\/s390x/);
    expect(missing.stderr).toMatch(/linux\/arm64/);
  });

  it('keeps what a tag meant until --pull asks again', async () => {
    const name = `${registry.host}/team/moving`;
    const push = (text: string) => bench.ok(['-t', name, '--push', bench.context({ Dockerfile: 'FROM base\nCOPY a /a\n', a: text })]);
    await push('old\n');
    const other = otherBench();
    const context = other.context({ Dockerfile: `FROM ${name}\nRUN cp /a /b\n` });
    const read = async (flags: readonly string[]): Promise<string> => {
      await other.ok(['-q', '--network=none', '-t', 'derived', ...flags, context]);
      return (await other.ok(['run', '--network=none', 'derived', 'cat', '/b'])).stdout;
    };
    expect(await read([])).toBe('old\n');
    await push('new\n');
    expect(await read([])).toBe('old\n');
    expect(await read(['--pull'])).toBe('new\n');
  });

  it('writes what was made to the files that were asked for', async () => {
    const [id, metadata] = [join(bench.dir, 'id'), join(bench.dir, 'metadata.json')];
    const name = `${registry.host}/team/files:2`;
    const context = bench.context({ Dockerfile: 'FROM base\nLABEL a=b\n' });
    const built = await bench.ok(['-q', '-t', name, '--push', '--iidfile', id, '--metadata-file', metadata, context]);
    const { digest, document } = await readBack('team/files', '2');
    expect(built).toMatchObject({ stdout: `${digest}\n`, stderr: '' });
    expect(readFileSync(id, 'utf8')).toBe(digest);
    expect(JSON.parse(readFileSync(metadata, 'utf8'))).toMatchObject({
      'containerimage.digest': digest,
      'containerimage.config.digest': document.config?.digest,
      'containerimage.descriptor': { digest, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
      'image.name': name,
    });
  });
});

describe('without the registry', () => {
  it('builds from images that are pinned by digest and already here', async () => {
    const own = await startRegistry();
    const other = otherBench();
    let pinned: string;
    try {
      const built = await bench.ok([
        '-q',
        '-t',
        `${own.host}/pinned`,
        '--push',
        bench.context({ Dockerfile: 'FROM base\nRUN echo pinned > /p\n' }),
      ]);
      pinned = `${own.host}/pinned@${built.stdout.trim()}`;
      await other.ok(['pull', '-q', pinned]);
    } finally {
      await own.stop();
    }
    await other.ok(['-q', '-t', 'offline', other.context({ Dockerfile: `FROM ${pinned}\nRUN --network=none cat /p > /q\n` })]);
    expect((await other.ok(['run', '--network=none', 'offline', 'cat', '/q'])).stdout).toBe('pinned\n');
    const refused = await other.run(['push', 'offline'], { env: { HOME: other.dir } });
    expect(refused.code).toBe(1);
  });
});

describe('credentials', () => {
  it('are checked, kept, used and forgotten', async () => {
    const own = await startRegistry({ password: true });
    const home = join(bench.dir, 'home-login');
    mkdirSync(home);
    const env = { HOME: home, DOCKER_CONFIG: join(home, '.docker') };
    const name = `${own.host}/private/app`;
    try {
      await bench.ok(['-q', '-t', name, bench.context({ Dockerfile: 'FROM base\nLABEL private=1\n' })]);
      const anonymous = await bench.run(['push', name], { env });
      expect(anonymous.code).toBe(1);
      expect(anonymous.stderr).toMatch(/error\[registry\/unauthorized\]/);
      expect(anonymous.stderr).toMatch(new RegExp(`hint: .*tsbuild login ${own.host}`));

      const login = ['login', '-u', REGISTRY_USER, '--password-stdin', own.host];
      const wrong = await bench.run(login, { env, stdin: 'wrong password\n' });
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toMatch(/error\[registry\/unauthorized\]/);
      expect(wrong.stderr).not.toContain('wrong password');

      await bench.ok(login, { env, stdin: `${REGISTRY_PASSWORD}\n` });
      const file = join(home, '.docker/config.json');
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ auths: { [own.host]: { auth } } });
      await bench.ok(['push', name], { env });
      await otherBench().ok(['pull', '-q', name], { env });

      await bench.ok(['logout', own.host], { env });
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ auths: {} });
      expect((await otherBench().run(['pull', name], { env })).stderr).toMatch(/error\[registry\/unauthorized\]/);
    } finally {
      await own.stop();
    }
  });
});

describe('TLS', () => {
  let own: TestRegistry;
  beforeAll(async () => {
    own = await startRegistry({ tls: true });
    await bench.ok(['-q', '-t', `${own.host}/secure/app`, bench.context({ Dockerfile: 'FROM base\nLABEL tls=1\n' })]);
  });
  afterAll(() => own?.stop());

  /** A home directory with these files below .config. */
  function configured(files: Readonly<Record<string, string>>): { readonly env: NodeJS.ProcessEnv } {
    const home = openWorkbenchDirectory();
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(home, '.config', path, '..'), { recursive: true });
      writeFileSync(join(home, '.config', path), text);
    }
    return { env: { HOME: home, XDG_CONFIG_HOME: join(home, '.config'), DOCKER_CONFIG: join(home, '.docker') } };
  }
  let homes = 0;
  const openWorkbenchDirectory = (): string => {
    const home = join(bench.dir, `home-${++homes}`);
    mkdirSync(home);
    return home;
  };

  it.each(['containers', 'docker'])('trusts the CA in %s/certs.d', async (folder) => {
    const { env } = configured({ [`${folder}/certs.d/${own.host}/ca.crt`]: readFileSync(own.caFile, 'utf8') });
    await bench.ok(['push', `${own.host}/secure/app`], { env });
  });

  it('does not trust an unknown CA', async () => {
    const { env } = configured({ [`containers/certs.d/${own.host}/unused.txt`]: '' });
    const failed = await bench.run(['push', `${own.host}/secure/app`], { env });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/error\[registry\/.*certificate/i);
    expect(failed.stderr).toMatch(/hint: .*certs\.d/s);
  });

  it('asks no questions of a registry that registries.conf calls insecure', async () => {
    const conf = `[[registry]]\nlocation = "${own.host}"\ninsecure = true\n`;
    await bench.ok(['push', `${own.host}/secure/app`], configured({ 'containers/registries.conf': conf }));
  });

  it('pulls through a mirror of registries.conf, under the name in the Dockerfile', async () => {
    const conf = `[[registry]]\nprefix = "images.example.invalid"\nlocation = "images.example.invalid"\n[[registry.mirror]]\nlocation = "${registry.host}/library"\n`;
    const options = configured({ 'containers/registries.conf': conf });
    const other = otherBench();
    const context = other.context({ Dockerfile: 'FROM images.example.invalid/base\nRUN --network=none echo mirrored > /m\n' });
    await other.ok(['-q', '-t', 'mirrored', context], options);
    expect((await other.ok(['run', '--network=none', 'mirrored', 'cat', '/m'])).stdout).toBe('mirrored\n');
    const unknown = await otherBench().run(['pull', 'images.example.invalid/base']);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toMatch(/images\.example\.invalid/);
  });
});
