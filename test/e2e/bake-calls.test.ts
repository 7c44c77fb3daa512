// `tsbuild bake --call`, --check and `call` of targets: the shapes are those of `docker buildx bake`.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type CliResult, openWorkbench } from '../support/cli.ts';

const bench = openWorkbench();
afterAll(() => bench.dispose());

/** `app` stands on `lib`; what is asked needs no remote cache. */
const FILES = {
  'lib.Dockerfile': 'FROM scratch\nENV LIB=1\n',
  'app.Dockerfile': '# V the version\nARG V=1\nFROM lib AS app\nARG V\nENV a b$LIB\n',
  'docker-bake.json': JSON.stringify({
    target: {
      lib: { dockerfile: 'lib.Dockerfile', description: 'what app stands on' },
      app: { dockerfile: 'app.Dockerfile', contexts: { lib: 'target:lib' }, 'cache-from': ['type=gha'] },
      files: { dockerfile: 'lib.Dockerfile', output: ['type=local,dest=out'] },
    },
  }),
};
const bake = (cwd: string, ...args: string[]): Promise<CliResult> => bench.run(['bake', ...args], { cwd });

test('answers come by name, with descriptions, also about targets that are contexts of others', async () => {
  const cwd = bench.context(FILES);
  expect(await bake(cwd, '--call=targets', 'app')).toMatchObject({
    code: 0,
    stdout: 'app\n\nTARGET        DESCRIPTION\napp (default) \n\nlib\nwhat app stands on\n\nTARGET    DESCRIPTION\n(default) \n',
  });
  const outline = await bake(cwd, '--call=outline', 'app');
  expect(outline.stdout).toMatch(/^app\n\nTARGET: app\n\nBUILD ARG {3}VALUE {3}DESCRIPTION\nV {11}1 {7}the version\n/);
});

test('a target is checked on the configuration of its contexts, although nothing is built', async () => {
  const cwd = bench.context(FILES);
  const { code, stdout } = await bake(cwd, '--check', 'app');
  expect(code).toBe(1);
  expect(stdout).toContain('app\n\nCheck complete, 1 warning has been found!\n\nWARNING: LegacyKeyValueFormat');
  expect(stdout).not.toContain('UndefinedVar');
  expect((await bake(cwd, '--call=check,ignorestatus=true', 'app')).code).toBe(0);
});

test('as JSON all answers are one document, beside the definitions', async () => {
  const { code, stdout } = await bake(bench.context(FILES), '--call=check,format=json', 'app');
  expect(code).toBe(1);
  const document = JSON.parse(stdout);
  expect(document).toMatchObject({
    group: { default: { targets: ['app'] } },
    target: {
      app: { build: { dockerfile: 'app.Dockerfile', call: 'lint' }, check: { warnings: [{ ruleName: 'LegacyKeyValueFormat' }] } },
      lib: { build: { dockerfile: 'lib.Dockerfile' }, check: { warnings: null } },
    },
  });
  expect(Object.keys(document.target.app.check)).toEqual(['sources', 'warnings']);
});

test('targets that are not asked are built', async () => {
  const cwd = bench.context(FILES);
  const { code, stdout } = await bake(cwd, '--metadata-file=meta.json', '--set', 'lib.call=targets', 'lib', 'files');
  const text = 'TARGET    DESCRIPTION\n(default) \n';
  expect([code, stdout]).toEqual([0, `lib\nwhat app stands on\n\n${text}`]);
  expect(existsSync(join(cwd, 'out'))).toBe(true);
  expect(JSON.parse(readFileSync(join(cwd, 'meta.json'), 'utf8'))).toMatchObject({
    lib: { 'result.json': { targets: [{ default: true, base: 'scratch' }] }, 'result.txt': text, version: '1.0.0' },
    files: {},
  });
});

test.each([
  [['--call=foo'], '--call is build, check, outline, targets, not "foo"'],
  [['--set', 'lib.call=foo'], '--call is build, check, outline, targets, not "foo"'],
  [['--call=check,format=sarif'], 'bake answers as text or json, not sarif'],
  [['--call=check,outline'], '"outline" is none of its fields'],
  [['--call=check,ignorestatus=maybe'], 'ignorestatus is true or false'],
])('%j is refused before anything is built', async (flags, message) => {
  const cwd = bench.context(FILES);
  const { code, stderr } = await bake(cwd, ...flags, 'lib', 'files');
  expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  expect(existsSync(join(cwd, 'out'))).toBe(false);
});

test('--print shows what is asked under the name that Docker gives it', async () => {
  const cwd = bench.context(FILES);
  const shown = async (...flags: string[]) => JSON.parse((await bake(cwd, '--print', ...flags, 'lib')).stdout).target.lib.call;
  expect([await shown('--check'), await shown('--call=outline,format=json'), await shown('--call=build')]).toEqual([
    'lint',
    'outline',
    undefined,
  ]);
});
