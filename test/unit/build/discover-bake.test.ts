// What --discover finds in a work tree and makes of it: names, contexts, and what it leaves out and why.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { targetNames } from '../../../src/bake/propose-bake.ts';
import { openBake } from '../../../src/build/bake/open-bake.ts';
import { discoverBake } from '../../../src/build/discover/discover-bake.ts';
import { findDockerfiles } from '../../../src/build/discover/find-dockerfiles.ts';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

function treeOf(files: Readonly<Record<string, string>>, git = true): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-discover-')));
  directories.push(directory);
  if (git) execFileSync('git', ['init', '--quiet', directory]);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

const FROM = 'FROM scratch\n';

/** The definition as bake reads it. */
async function resolved(directory: string): Promise<Record<string, { readonly context: string; readonly dockerfile: string }>> {
  const text = discoverBake(directory);
  writeFileSync(join(directory, 'docker-bake.hcl'), text);
  const { targets, diagnostics, conflicts } = await openBake({
    files: [],
    targets: [],
    overrides: [],
    environment: {},
    workingDirectory: directory,
  });
  expect([...diagnostics, ...conflicts]).toEqual([]);
  return Object.fromEntries(targets.map(({ name, context, dockerfile }) => [name, { context, dockerfile }]));
}

describe('what is found', () => {
  it('goes by the names of Dockerfiles and by what git ignores', () => {
    const found = ['Dockerfile', 'a/Dockerfile.dev', 'a/web.Dockerfile', 'b/Containerfile', 'b/.hidden/dockerfile', 'kept/gen/Dockerfile'];
    const directory = treeOf({
      ...Object.fromEntries(found.map((name) => [name, FROM])),
      'a/Dockerfile.dockerignore': 'x\n',
      'a/MyDockerfile': FROM,
      'node_modules/m/Dockerfile': FROM,
      'out/Dockerfile': FROM,
      'b/tmp/Dockerfile': FROM,
      'gen/Dockerfile': FROM,
      'secret/Dockerfile': FROM,
      '.gitignore': '/out/\ngen\n',
      'b/.gitignore': '/tmp\n',
      'kept/.gitignore': '!gen\n',
      '.git/info/exclude': 'secret\n',
    });
    symlinkSync('../Dockerfile', join(directory, 'a/Dockerfile'));
    symlinkSync('nowhere', join(directory, 'b/Dockerfile'));
    symlinkSync('..', join(directory, 'a/loop'));
    expect(findDockerfiles(directory)).toEqual([...found, 'a/Dockerfile'].sort());
    expect(findDockerfiles(join(directory, 'b'))).toEqual(['.hidden/dockerfile', 'Containerfile']);
  });

  const piece = fc.constantFrom('a', 'b', '*', '**', '/', '!', 'x y', '[ab]', '?', '\\', '#', ' ');
  const rules = fc
    .array(
      fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
      { maxLength: 4 },
    )
    .map((lines) => lines.join('\n'));
  it('is what git lists, for arbitrary ignore files', () => {
    fc.assert(
      fc.property(rules, rules, rules, (top, inner, exclude) => {
        const names = [
          'Dockerfile',
          'a/Dockerfile',
          'b/Dockerfile',
          'a/b/Dockerfile',
          'a/b/a/Dockerfile',
          'a/x y/Dockerfile',
          '[ab]/a/Dockerfile',
          'b/Dockerfile.a',
        ];
        const files = { '.gitignore': top, 'a/.gitignore': inner, '[ab]/.gitignore': inner, '.git/info/exclude': exclude };
        const directory = treeOf({ ...Object.fromEntries(names.map((name) => [name, FROM])), ...files });
        const listed = execFileSync('git', ['-C', directory, 'ls-files', '-z', '--others', '--exclude-standard'], {
          encoding: 'utf8',
          env: { ...process.env, HOME: '/nonexistent' },
        });
        expect(findDockerfiles(directory)).toEqual(
          listed
            .split('\0')
            .filter((name) => /Dockerfile/.test(name))
            .sort(),
        );
        rmSync(directory, { recursive: true });
      }),
      { numRuns: 25 },
    );
  });
});

describe('what is proposed', () => {
  it('builds from the nearest directory that has the sources', async () => {
    const directory = treeOf({
      'services/web/Dockerfile': 'FROM scratch\nCOPY src /src\n',
      'services/web/src/a': 'a',
      'services/api/Dockerfile': 'FROM scratch\nCOPY services/api/main libs/ /\nRUN --mount=source=package.json,target=/p true\n',
      'services/api/main': 'x',
      'libs/l': 'l',
      'package.json': '{}',
      'services/both/Dockerfile': 'FROM scratch\nCOPY api/main $X https://host/x /\nCOPY --from=0 / /other\n',
      'broken/Dockerfile': 'FROM scratch\nCOPY nowhere .\n',
      'dockerfiles/Dockerfile.tmpl': '{{ not a Dockerfile }}\n',
      'dockerfiles/Dockerfile.md': '# only a comment\n',
    });
    expect(await resolved(directory)).toEqual({
      'services-web': { context: 'services/web', dockerfile: 'Dockerfile' },
      'services-api': { context: '.', dockerfile: 'services/api/Dockerfile' },
      'services-both': { context: 'services', dockerfile: 'both/Dockerfile' },
      broken: { context: 'broken', dockerfile: 'Dockerfile' },
    });
    const text = discoverBake(directory);
    expect(text).toContain(
      '# This directory is the context, because services/api/main, libs/, package.json are not beside the Dockerfile.\n',
    );
    expect(text).toContain('# Not found from there: nowhere.\n');
    expect(text).toMatch(/^# Left out: dockerfiles\/Dockerfile\.md: /m);
    expect(text).toMatch(/^# Left out: dockerfiles\/Dockerfile\.tmpl: /m);
  });

  it('gives names that depend on paths alone and never meet', async () => {
    const names = targetNames([
      'Dockerfile',
      'a/b/Dockerfile',
      'A-B/Dockerfile',
      'a/Dockerfile.dev',
      'web.Dockerfile',
      'default/Dockerfile',
    ]);
    expect([...names.values()]).toEqual([
      'root',
      expect.stringMatching(/^a-b-[0-9a-f]{6}$/),
      expect.stringMatching(/^a-b-[0-9a-f]{6}$/),
      'a-dev',
      'web',
      expect.stringMatching(/^default-/),
    ]);
    expect(new Set(names.values()).size).toBe(names.size);
    const odd = treeOf({ 'a"b/${x}/Dockerfile': FROM, 'with space/%{ if }/Dockerfile': FROM, '#/Dockerfile': FROM });
    expect(
      Object.values(await resolved(odd))
        .map(({ context }) => context)
        .sort(),
    ).toEqual(['#', 'a"b/${x}', 'with space/%{ if }']);
  });

  it('says so when there is nothing', () => {
    expect(() => discoverBake(treeOf({ 'x/file': 'x' }, false))).toThrow(expect.objectContaining({ code: 'bake/no-dockerfile' }));
    expect(() => discoverBake('/nonexistent')).toThrow(expect.objectContaining({ code: 'bake/no-dockerfile' }));
  });
});
