// Where and how the program is started by accident or malice: stores with odd names, output that nobody takes.
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildBase, leftovers, openWorkbench, runCli, TSBUILD, type Workbench } from '../support/cli.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => bench.dispose());

/** The program as this shell line starts it. */
const from = (script: string) => ({ command: ['bash', '-c', `set -o pipefail; ${script}`, 'bash', TSBUILD] });

describe('the directory of the store', () => {
  it.each(['co:lon', 'new\nline', 'spa ce,mode=x', `back\\slash"'`, `${'deep/'.repeat(30)}store`, 'ünïcode 日本'])(
    'may be called %j: steps run',
    async (name) => {
      const root = join(bench.dir, 'odd', name);
      cpSync(bench.root, root, { recursive: true });
      const context = bench.context({ Dockerfile: 'FROM base\nCOPY Dockerfile /a\nRUN cat /a && echo "it runs"\n' });
      const built = await runCli(['--root', root, '--network=none', context]);
      expect(built.stderr).toContain(' it runs\n');
      expect(built.code).toBe(0);
    },
  );
});

describe('standard output on a full disk', () => {
  it.each(['inspect base', 'save base', 'images', '-q -t again CONTEXT', '--output=type=tar,dest=- CONTEXT'])('%s fails', async (words) => {
    const context = bench.context({ Dockerfile: 'FROM base\n' });
    const args = words.split(' ').map((word) => (word === 'CONTEXT' ? context : word));
    const result = await bench.run(args, from('"$@" >/dev/full'));
    expect(result.stderr).toContain('error[cli/output]: cannot write to standard output: no space left on device\n');
    expect(result.code).toBe(1);
  });
});

describe('progress that nobody reads any more', () => {
  it('ends the build, and nothing is left of it', async () => {
    const context = bench.context({ Dockerfile: 'FROM base\nRUN while true; do echo on and on; sleep 0.05; done\n' });
    const result = await bench.run(['--network=none', context], from('"$@" 2>&1 | grep -m1 "on and on"'));
    expect(result).toMatchObject({ code: 130, stderr: '' });
    expect(leftovers(bench.root)).toEqual({ processes: '', mounts: '' });
    expect(readdirSync(join(bench.root, 'tmp-v1'))).toEqual([]);
    expect((await bench.ok(['verify'])).stdout).toBe('the store is sound\n');
  });
});
