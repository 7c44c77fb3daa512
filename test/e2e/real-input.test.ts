// What people really build: packages from Debian's archive, dependencies from npm, bases from a registry.
// Needs the network that apt and npm of this machine use.
import { copyFileSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leftovers, openWorkbench, stepsOf, type Workbench } from '../support/cli.ts';
import { DEBIAN_DOCKERFILE, nodeDockerfile, writeDebianContext, writeNodeContext } from '../support/real-base.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const SLOW = 180_000;
const CA_BUNDLE = [process.env['SSL_CERT_FILE'] ?? '', '/etc/ssl/certs/ca-certificates.crt'].find(existsSync) ?? '';

let registry: TestRegistry;
let maker: Workbench;
let bench: Workbench;
/** docker.io is the local registry, so that FROM lines stay as people write them. */
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  registry = await startRegistry();
  maker = openWorkbench('/var/tmp');
  bench = openWorkbench('/var/tmp');
  const debian = maker.context({ Dockerfile: DEBIAN_DOCKERFILE });
  writeDebianContext(debian);
  const name = `${registry.host}/library/debian:bookworm-slim`;
  await maker.ok(['-t', name, '--push', debian]);
  const node = maker.context({ Dockerfile: nodeDockerfile(name) });
  writeNodeContext(node);
  await maker.ok(['-t', `${registry.host}/library/node:24-slim`, '--push', node]);
  const conf = join(bench.dir, 'registries.conf');
  writeFileSync(conf, `[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "${registry.host}"\n`);
  env = { CONTAINERS_REGISTRIES_CONF: conf };
}, 2 * SLOW);
afterAll(async () => {
  bench?.dispose();
  maker?.dispose();
  await registry?.stop();
});

describe('a Debian base', () => {
  it('holds what was packed, with owners, modes and links', async () => {
    const script =
      'stat -c "%a %U:%G" /usr/bin/passwd /var/local /etc/shadow /tmp; readlink /bin; dpkg -l | grep -c ^ii; dpkg --verify | grep -v missing';
    const { stdout } = await bench.ok(['run', '--network', 'none', 'debian:bookworm-slim', 'sh', '-c', `${script} || true`], { env });
    expect(stdout).toMatch(/^4755 root:root\n2775 root:staff\n640 root:shadow\n1777 root:root\nusr\/bin\n\d{2,3}\n$/);
  });

  it('takes packages from its archive, once', { timeout: SLOW }, async () => {
    const context = bench.context({
      Dockerfile: `FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends curl git && rm -rf /var/lib/apt/lists/*
RUN curl --version && git init -q /repo && git -C /repo status
`,
    });
    const first = await bench.ok(['-t', 'tools', context], { env });
    expect(first.stderr).toContain('Setting up git ');
    const again = await bench.ok(['-t', 'tools', context], { env });
    expect(stepsOf(again.stderr).every((step) => step.outcome === 'CACHED')).toBe(true);
    expect(again.stdout).toBe(first.stdout);
    const { stdout } = await bench.ok(['run', '--network', 'none', 'tools', 'sh', '-c', 'dpkg --audit; git --version; ls -a /repo']);
    expect(stdout).toMatch(/^git version 2.*\n\.\n\.\.\n\.git\n$/);
    expect(leftovers(bench.root)).toEqual({ processes: '', mounts: '' });
  });
});

describe('a Node service in two stages', () => {
  const flags = ['--secret', `id=ca,src=${CA_BUNDLE}`, '-t', 'service', 'fixtures/node-service'];

  it('installs its dependencies, runs as its user, and ships no secret', { timeout: SLOW }, async () => {
    await bench.ok(flags, { env });
    const ran = await bench.ok(['run', '--network', 'none', 'service']);
    expect(ran.stdout).toMatch(/^uid 1000, listening: up for \d+m?s\n$/);
    const script = 'stat -c %u /app/server.js /app/node_modules; ls -d /run/ca.crt /root/.npm';
    const { stdout } = await bench.run(['run', '--network', 'none', '--user', '0', 'service', 'sh', '-c', script]);
    expect(stdout).toBe('1000\n0\n');
  });

  it('a changed source file installs nothing again', { timeout: SLOW }, async () => {
    const context = bench.context({ 'server.js': 'console.log("changed")\n' });
    for (const name of ['Dockerfile', 'package.json']) {
      copyFileSync(join('fixtures/node-service', name), join(context, name));
    }
    const built = await bench.ok([...flags.slice(0, -2), 'changed', context], { env });
    const ran = stepsOf(built.stderr).filter((step) => step.outcome === 'DONE');
    expect(ran.map((step) => step.name)).toEqual([expect.stringContaining('COPY --chown=1000:1000 server.js package.json ./')]);
    expect((await bench.ok(['run', '--network', 'none', 'changed'])).stdout).toBe('changed\n');
  });

  it('goes to a registry without its base, and comes back on another machine', { timeout: SLOW }, async () => {
    const name = `${registry.host}/team/service`;
    const before = registry.log().length;
    await bench.ok(['tag', 'service', name]);
    await bench.ok(['push', name]);
    expect(registry.log().slice(before)).toMatch(/POST \/v2\/team\/service\/blobs\/uploads\/\?.*mount=sha256/);
    rmSync(maker.root, { recursive: true, force: true });
    expect((await maker.ok(['run', '--network', 'none', name])).stdout).toMatch(/^uid 1000, listening/);
  });
});
