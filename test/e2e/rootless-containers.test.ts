// What users without privileges do with containers and caches: files belong to ids of their ranges, and
// still they can see, save and remove them.
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { unprivilegedUser } from '../support/unprivileged.ts';
import { type InstalledProgram, installProgram, openUserWorkbench, type UserWorkbench } from '../support/user-program.ts';

const user = unprivilegedUser(true);
let program: InstalledProgram;
let root: Workbench;
let bench: UserWorkbench;

describe.skipIf(user === null)('a user with id ranges', () => {
  beforeAll(async () => {
    program = installProgram();
    root = openWorkbench('/var/tmp');
    await buildBase(root);
    chmodSync(root.dir, 0o755);
    const archive = join(root.dir, 'base.tar');
    await root.ok(['save', '-o', archive, 'base']);
    chmodSync(archive, 0o644);
    bench = openUserWorkbench(program, user as NonNullable<typeof user>);
    await bench.ok(['load', '-i', archive]);
  });
  afterAll(() => {
    bench?.dispose();
    root?.dispose();
    program?.remove();
  });

  it('sends input and gets a terminal', async () => {
    const sent = await bench.ok(['run', '--network', 'none', '-i', 'base', 'cat'], { stdin: 'hello' });
    expect(sent.stdout).toBe('hello');
    const shown = await bench.ok(['run', '--network', 'none', '-t', '-u', '1000', 'base', 'sh', '-c', 'tty; id -u']);
    expect(shown.stdout.replaceAll('\r', '')).toBe('/dev/pts/0\n1000\n');
  });

  it('shares a directory of its own', async () => {
    const shared = bench.context({ file: 'content\n' });
    const result = await bench.ok(['run', '--network', 'none', '-v', `${shared}:/s`, 'base', 'sh', '-c', 'cat /s/file; echo x > /s/made']);
    expect(result.stdout).toBe('content\n');
    expect(statSync(join(shared, 'made')).uid).toBe(user?.uid);
  });

  it('owns what a failed step left', async () => {
    const out = join(bench.dir, 'failed');
    const dockerfile = 'FROM base\nRUN echo x > /mine; chown 33:33 /mine; exit 1\n';
    const result = await bench.run(['--network', 'none', `--on-error=export=${out}`, bench.context({ Dockerfile: dockerfile })]);
    expect(result.stderr).toContain(`what the failed step left is in ${out}`);
    expect(readFileSync(join(out, 'rootfs/mine'), 'utf8')).toBe('x\n');
    expect(statSync(join(out, 'rootfs/mine')).uid).toBe(user?.uid);
  });

  it('saves, fills and removes cache mounts whose files belong to other ids', async () => {
    const mount = '--mount=type=cache,id=deps,target=/c';
    const dockerfile = `FROM base\nARG N\nRUN ${mount} echo $N >> /c/log; mkdir -p -m 0700 /c/closed; touch /c/closed/x; chown -R 33:34 /c/closed; cat /c/log; ls -ln /c | grep closed | awk '{ print $3, $4 }'\n`;
    const context = bench.context({ Dockerfile: dockerfile });
    const layout = join(bench.dir, 'layout');
    const flags = ['--network', 'none', context];
    await bench.ok(['--build-arg', 'N=one', '--cache-mount-export', `id=deps,dest=${layout}`, ...flags]);
    expect(statSync(join(layout, 'index.json')).uid).toBe(user?.uid);
    expect((await bench.ok(['cache', 'rm', 'deps'])).stdout).toContain('removed deps');
    expect(readdirSync(join(bench.root, 'cache-mounts-v1'))).toEqual([]);
    const loaded = await bench.ok(['--build-arg', 'N=two', '--cache-mount-import', `id=deps,src=${layout}`, ...flags]);
    expect(loaded.stderr.replace(/^#\d+ \d+\.\d+ /gm, '')).toContain('one\ntwo\n33 34\n');
    expect(existsSync(join(bench.root, 'cache-mounts-v1'))).toBe(true);
  });
});
