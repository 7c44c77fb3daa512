// --call, --check and explain with the real program: nothing is built, and scripts can rely on shapes and exit codes.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { buildBase, openWorkbench } from '../support/cli.ts';
import { sarifErrors } from '../support/sarif-schema.ts';

const bench = openWorkbench();
afterAll(() => bench.dispose());

const WARNS = 'FROM scratch AS base\nWORKDIR a\nENV k v\n';
const context = (dockerfile: string, files: Record<string, string> = {}): string => bench.context({ Dockerfile: dockerfile, ...files });

describe('check', () => {
  test('finds nothing and exits with 0', async () => {
    const { code, stdout } = await bench.run(['--check', context('FROM scratch\nLABEL a=b\n')]);
    expect([code, stdout]).toEqual([0, 'Check complete, no warnings found.\n']);
  });

  test('exits with 1 and shows rule, place and text', async () => {
    const { code, stdout } = await bench.run(['--call=check', context(WARNS)]);
    expect(code).toBe(1);
    expect(stdout).toContain('Check complete, 2 warnings have been found!');
    expect(stdout).toContain('WARNING: LegacyKeyValueFormat - https://docs.docker.com/go/dockerfile/rule/legacy-key-value-format/\n');
    expect(stdout).toContain('Dockerfile:3:1');
    expect(stdout).toContain('3 | ENV k v\n  | ^^^^^^^');
  });

  test('has the members of Docker as JSON', async () => {
    const { stdout } = await bench.run(['--call=check,format=json', context(WARNS)]);
    const { warnings, sources, buildError } = JSON.parse(stdout);
    expect(warnings.map((warning: { ruleName: string }) => warning.ruleName)).toEqual(['WorkdirRelativePath', 'LegacyKeyValueFormat']);
    expect(warnings[1]).toMatchObject({ location: { ranges: [{ start: { line: 3 }, end: { line: 3 } }] } });
    expect(Buffer.from(sources[0].data, 'base64').toString()).toBe(WARNS);
    expect(buildError).toBeUndefined();
  });

  test('says what stops a build', async () => {
    const { code, stdout } = await bench.run(['--check', '--format=json', context('FROM scratch\nRUM x\n')]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).buildError).toEqual({
      message: 'dockerfile parse error on line 2: unknown instruction: RUM (did you mean RUN?)',
      location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
    });
  });

  test('of all stages, or of those that a target needs', async () => {
    const dir = context(`${WARNS}FROM scratch AS other\nLABEL a=b\n`);
    expect((await bench.run(['--check', dir])).code).toBe(1);
    expect((await bench.run(['--check', '--target', 'other', dir])).code).toBe(0);
  });

  test('advice does not fail', async () => {
    const script = 'FROM scratch\nCOPY . /\nRUN <<EOF\none\ntwo\nEOF\nRUN apt-get update && apt-get install -y x\n';
    const { code, stdout } = await bench.run(['--check', context(script, { '.env': 'A=b', '.env.example': '' })]);
    expect(code).toBe(0);
    expect(stdout.match(/^ADVICE: \w+/gm)).toEqual([
      'ADVICE: SecretFileCopied',
      'ADVICE: HeredocWithoutErrexit',
      'ADVICE: AptGetWithoutCleanup',
    ]);
    const quiet = `# check=skip=all\n${script}`;
    expect((await bench.run(['--check', context(quiet, { '.env': 'A=b' })])).stdout).toBe('Check complete, no warnings found.\n');
  });

  test('advice is not given where it would be wrong', async () => {
    const dockerfile = [
      'FROM scratch AS tools',
      'RUN apt-get install -y gcc',
      'FROM scratch',
      'RUN apt-get install -y x && rm -rf /var/lib/apt/lists/*',
      'RUN --mount=type=cache,target=/var/lib/apt apt-get install -y x',
      'RUN apt-get update; apt-get install -y x; apt-get -y dist-clean',
      'RUN apt-get install -y x && rm -rf \\\n /tmp/x /var/lib/{dpkg,apt,cache}/',
      'RUN <<EOF\nset -eu\none\ntwo\nEOF',
      'RUN <<EOF\nset -ex; one\ntwo\nEOF',
      'RUN <<EOF\n#!/usr/bin/env python3\none\ntwo\nEOF',
      'RUN <<EOF\none && \\\n  two\nEOF',
      'SHELL ["pwsh", "-Command"]',
      'RUN <<EOF\none\ntwo\nEOF',
      'SHELL ["/bin/bash", "-eo", "pipefail", "-c"]',
      'RUN <<EOF\none\ntwo\nEOF',
      'COPY --from=tools /x /x',
      '',
    ].join('\n');
    expect((await bench.run(['--check', context(dockerfile)])).stdout).toBe('Check complete, no warnings found.\n');
  });

  test('a secret is one that gets into the image, and a certificate is none', async () => {
    const pem = (kind: string): string => `-----BEGIN ${kind}-----\nMIIB\n-----END ${kind}-----\n`;
    const files = {
      'ca.pem': pem('CERTIFICATE'),
      'server.key': pem('EC PRIVATE KEY'),
      'both.pem': pem('CERTIFICATE') + pem('PRIVATE KEY'),
      'public.pem': pem('PUBLIC KEY'),
      '.npmrc': '',
    };
    const { stdout } = await bench.run(['--check', context('FROM scratch AS build\nCOPY . /\nFROM scratch\nCOPY *.pem *.key /\n', files)]);
    expect(stdout.match(/^".*" looks like a secret/gm)).toEqual(['"both.pem" looks like a secret', '"server.key" looks like a secret']);
  });

  test('finds the build argument and the stage that are meant', async () => {
    const dir = context('ARG VERSION\nFROM scratch AS builder\nARG flavour\nLABEL a=$flavour\n');
    const misspelt = await bench.run(['--check', '--build-arg', 'VERSON=1', '--build-arg', 'flavor=x', '--build-arg', 'other=1', dir]);
    expect([misspelt.code, misspelt.stdout.match(/^ADVICE: UndeclaredBuildArg$/gm)?.length]).toEqual([0, 2]);
    expect(misspelt.stdout.match(/^Build argument .*$/gm)).toEqual([
      'Build argument VERSON is declared nowhere (did you mean VERSION?)',
      'Build argument flavor is declared nowhere (did you mean flavour?)',
    ]);
    for (const fine of [
      ['VERSION=1', 'flavour=x', 'VERSON=1'],
      ['HTTP_PROXY=x', 'BUILDKIT_INLINE_CACHE=1'],
    ]) {
      const { stdout } = await bench.run(['--check', ...fine.flatMap((one) => ['--build-arg', one]), dir]);
      expect(stdout).toBe('Check complete, no warnings found.\n');
    }
    // Nothing listens there: whatever the registry answers, the stage is meant.
    const mirror = { CONTAINERS_REGISTRIES_CONF: join(bench.dir, 'registries.conf') };
    writeFileSync(mirror.CONTAINERS_REGISTRIES_CONF, '[[registry]]\nprefix = "docker.io"\nlocation = "127.0.0.1:1"\ninsecure = true\n');
    const stage = await bench.run([context('FROM scratch AS builder\nLABEL a=b\nFROM scratch\nCOPY --from=bulder /a /\n')], {
      env: mirror,
    });
    expect(stage.stderr).toContain('did you mean the stage builder?');
    expect(stage.stderr).toContain('4 | COPY --from=bulder /a /\n  |             ^^^^^^\n');
    const image = await bench.run([context('FROM busybx\n')], { env: mirror });
    expect(image.stderr).toMatch(/^1 \| FROM busybx\n {2}\| {6}\^{6}\n.*\n.*did you mean busybox\?$/m);
  });

  test('names the line that ignores a source, exceptions or not', async () => {
    const files = { '.dockerignore': '*.md\n!keep.md\n', 'a.md': 'a', 'keep.md': 'k' };
    const { code, stdout } = await bench.run(['--check', context('FROM scratch\nCOPY a.md keep.md /x/\n', files)]);
    expect(code).toBe(1);
    expect(stdout.match(/WARNING: CopyIgnoredFile/g)).toHaveLength(1);
    expect(stdout).toContain('it is ignored by .dockerignore line 1 (*.md)');
  });
});

test('the place is where an editor finds the file, however it was named', async () => {
  const dir = context(WARNS);
  for (const [args, cwd, shown] of [
    [['.'], dir, 'Dockerfile'],
    [[basename(dir)], dirname(dir), `${basename(dir)}/Dockerfile`],
    [['-f', `${basename(dir)}/Dockerfile`, basename(dir)], dirname(dir), `${basename(dir)}/Dockerfile`],
    [[dir], dir, 'Dockerfile'],
  ] as const) {
    const { stdout } = await bench.run(['--check', ...args], { cwd });
    expect(stdout).toContain(`--> ${shown}:3:1`);
  }
});

describe('formats for other programs', () => {
  test.each([
    ['warnings', WARNS, 1, ['WorkdirRelativePath', 'LegacyKeyValueFormat']],
    ['nothing', 'FROM scratch\nLABEL a=b\n', 0, []],
    ['advice, and characters of two code units', 'FROM scratch\nRUN <<EOF\necho 🚀\nfalse\nEOF\n', 0, ['HeredocWithoutErrexit']],
    ['a file that cannot be built', 'FROM scratch\nRUM x\n', 1, ['parse/unknown-instruction']],
    ['an empty file', '', 1, ['parse/empty-file']],
  ])('SARIF 2.1.0: %s', async (_, dockerfile, exitCode, rules) => {
    const { code, stdout } = await bench.run(['--check', '--format=sarif', context(dockerfile)]);
    const log = JSON.parse(stdout);
    expect(sarifErrors(log)).toEqual([]);
    expect(code).toBe(exitCode);
    const [run] = log.runs;
    const results: readonly { ruleId: string; ruleIndex: number }[] = run.results;
    expect(results.map((result) => result.ruleId)).toEqual(rules);
    for (const result of results) expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
  });

  test('the schema refuses what is no SARIF', () => {
    expect(sarifErrors({ version: '2.1.0', runs: [{ tool: { driver: {} }, results: [{ level: 'bad' }] }] }).length).toBeGreaterThan(2);
  });

  test('annotations of GitHub, with lines', async () => {
    const { stdout } = await bench.run(['--check', '--format=github', '.'], { cwd: context(WARNS) });
    expect(stdout).toMatch(/^::warning file=Dockerfile,line=3,endLine=3,col=1,endColumn=8,title=LegacyKeyValueFormat::.+$/m);
  });
});

test('outline shows arguments, secrets, agents and caches of the target', async () => {
  const dir = context(`# base the base
ARG base=scratch
ARG unused
FROM \${base} AS dep
ARG level=high
RUN --mount=type=secret,id=token --mount=type=cache,id=c,target=/c x
# app is the app
FROM scratch AS app
ARG given
COPY --from=dep / /
RUN --mount=type=ssh,required --mount=type=secret,id=token,required x
`);
  const { stdout } = await bench.run(['--call=outline', '--build-arg', 'given=G', dir]);
  expect(stdout).toBe(
    [
      'TARGET:      app',
      'DESCRIPTION: is the app',
      '',
      'BUILD ARG   VALUE     DESCRIPTION',
      'base        scratch   the base',
      'level       high      ',
      'given       G         ',
      '',
      'SECRET   REQUIRED',
      'token    true',
      '',
      'SSH       REQUIRED',
      'default   true',
      '',
      '',
    ].join('\n'),
  );
  const json = JSON.parse((await bench.run(['--call=outline,format=json', dir])).stdout);
  expect(json.args[0]).toEqual({
    name: 'base',
    description: 'the base',
    value: 'scratch',
    location: { ranges: [{ start: { line: 2 }, end: { line: 2 } }] },
  });
  expect(json.secrets).toMatchObject([{ name: 'token', required: true }]);
  expect(json.cache).toMatchObject([{ ID: 'c' }]);
});

test('targets lists the stages', async () => {
  const dir = context('# a first one\nFROM scratch AS a\nFROM a\nFROM --platform=linux/arm64 a AS zz\n');
  const { stdout } = await bench.run(['--call=targets', dir]);
  expect(stdout).toBe('TARGET       DESCRIPTION\na            first one\n             \nzz (default) \n');
  const { targets } = JSON.parse((await bench.run(['--call=targets,format=json', dir])).stdout);
  expect(targets[2]).toEqual({
    name: 'zz',
    default: true,
    base: 'a',
    platform: 'linux/arm64',
    location: { ranges: [{ start: { line: 4 }, end: { line: 4 } }] },
  });
});

test.each([
  ['check', 1, { 'result.json': { warnings: [{ ruleName: 'LegacyKeyValueFormat' }] }, 'result.statuscode': '1' }],
  ['check,ignorestatus=true', 0, { 'result.statuscode': '1' }],
  ['outline,format=json', 0, { 'result.json': { args: [{ name: 'A' }] }, 'result.txt': expect.stringContaining('BUILD ARG') }],
] as const)('--metadata-file has both forms of the answer to --call=%s', async (call, code, expected) => {
  const dir = context('FROM scratch\nARG A\nENV k v$A\n');
  const path = join(dir, 'meta.json');
  expect((await bench.run([`--call=${call}`, '--metadata-file', path, dir])).code).toBe(code);
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ ...expected, version: '1.0.0' });
});

test('unknown calls and formats are refused by name', async () => {
  for (const [flag, text] of [
    ['--call=foo', '--call is build, check'],
    ['--format=json', 'an image has no format json: that is for --call=check, outline, targets'],
    ['--call=check,format=xml', 'the format of --call is one of'],
    ['--call=targets,format=sarif', 'text and json'],
  ] as const) {
    const { code, stderr } = await bench.run([flag, '.']);
    expect([code, stderr.includes(text), stderr.includes('error[cli/usage]')]).toEqual([2, true, true]);
  }
});

test('explain takes codes and rule names, and suggests', async () => {
  expect((await bench.ok(['explain', 'plan/undefined-var'])).stdout).toContain('Build check UndefinedVar');
  expect((await bench.ok(['explain', 'undefinedvar'])).stdout).toContain('plan/undefined-var: Undefined variable');
  expect((await bench.run(['explain', 'plan/undefined-vra'])).stderr).toContain('did you mean plan/undefined-var?');
  expect((await bench.ok(['explain'])).stdout).toMatch(/^registry\/unauthorized {2,}\S/m);
});

test('a step that stores large files a second time is told after the build, with the size', async () => {
  await buildBase(bench);
  const dir = context(`FROM base
RUN dd if=/dev/urandom of=/large bs=1M count=12 && echo new > /small
RUN chown 5:5 /large /small
RUN chmod 600 /small
RUN chown 6 /large; echo changed > /large
`);
  const { stderr } = await bench.ok([dir]);
  expect(stderr.match(/^warning\[plan\/owner-change-copies-files\].*$/gm)).toEqual([
    'warning[plan/owner-change-copies-files]: this step stores 12 MiB a second time: only owner or mode of the files changed',
  ]);
  expect(stderr).toContain('3 | RUN chown 5:5 /large /small');
});
