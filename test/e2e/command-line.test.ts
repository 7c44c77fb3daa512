// What a user types beside the Dockerfile: forms of flags, the environment, and what is said of a mistake.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => bench?.dispose());

describe('a mistake is named before anything is built', () => {
  const failing = 'FROM base\nRUN echo this-step-ran && exit 1\n';

  it.each([
    [['--metadata-file', '/nonexistent/file', '.'], 'cannot write /nonexistent/file (ENOENT)'],
    [['--iidfile', '/nonexistent/file', '.'], 'cannot write /nonexistent/file (ENOENT)'],
    [
      ['--add-host', 'host.docker.internal:host-gateway', '.'],
      'error[build/no-host-gateway]: host.docker.internal: host-gateway has no address',
    ],
    [['--build-context', 'lib=target:lib', '.'], '"target:lib" is for targets of a bake file'],
    [['-q', '--progress=plain', '.'], '--progress=plain and --quiet exclude each other'],
    [['-f', 'sub', '.'], 'no Dockerfile at "sub": it is a directory'],
    [['-f', 'Inner', 'sub'], 'no Dockerfile at "Inner": it is in sub'],
    [['Dockerfile'], 'build context "Dockerfile" is a file, not a directory'],
    [[''], 'the build context is empty'],
  ])('%j', async (argv, message) => {
    const cwd = bench.context({ Dockerfile: failing, 'sub/Inner': failing });
    const { code, stdout, stderr } = await bench.run(argv, { cwd });
    expect(code).toBeGreaterThan(0);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('this-step-ran');
  });
});

describe('hosts', () => {
  it('host-gateway is this machine where its network is shared', async () => {
    const dir = join(bench.dir, 'hosts');
    const context = bench.context({
      Dockerfile: 'FROM base AS run\nRUN grep gateway /etc/hosts > /found\nFROM scratch\nCOPY --from=run /found /\n',
    });
    await bench.ok(['--network=host', '--add-host', 'gateway:host-gateway', '-o', dir, context]);
    expect(readFileSync(join(dir, 'found'), 'utf8')).toMatch(/^127\.0\.0\.1\s+gateway$/m);
    const { stdout } = await bench.ok(['run', '--network=host', '--add-host=gateway=host-gateway', 'base', 'cat', '/etc/hosts']);
    expect(stdout).toMatch(/^127\.0\.0\.1\s+gateway$/m);
  });
});

describe('platforms', () => {
  const platformOf = async (argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const context = bench.context({ Dockerfile: 'FROM scratch\nARG TARGETPLATFORM\nLABEL platform=$TARGETPLATFORM\n' });
    await bench.ok(['-q', '-t', 'platform', ...argv, context], { env });
    const [image] = JSON.parse((await bench.ok(['inspect', 'platform'])).stdout) as [
      { config: { config: { Labels: { platform: string } } } },
    ];
    return image.config.config.Labels.platform;
  };

  it('come from the command line, else DOCKER_DEFAULT_PLATFORM, else this machine', async () => {
    const env = { DOCKER_DEFAULT_PLATFORM: 'linux/riscv64' };
    const own = await platformOf([]);
    expect(await platformOf([], env)).toBe('linux/riscv64');
    expect(await platformOf(['--platform', 'local'], env)).toBe(own);
    expect(await platformOf(['--platform', 'linux/s390x'], env)).toBe('linux/s390x');
  });
});
