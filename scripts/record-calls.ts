// Records what Docker answers to --call for the cases of fixtures/call, and to --call=check for those of
// fixtures/popular, as expected.txt of each. Needs docker
// with buildx and an image `busybox` behind it. Usage: node scripts/record-calls.ts [--docker 'CMD…'] [CASE…]
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Answer, answersTo } from '../test/support/call-case.ts';
import { goldenCases } from '../test/support/golden.ts';
import { findingsIn, flagsOf } from '../test/support/popular-case.ts';

const words = process.argv.slice(2);
const at = words.indexOf('--docker');
const [command = 'docker', ...before] = at === -1 ? ['docker'] : (words.splice(at, 2)[1] ?? 'docker').split(' ');

function ask(flags: readonly string[], input = ''): Answer {
  const run = spawnSync(command, [...before, 'buildx', 'build', ...flags], { encoding: 'utf8', input });
  return { code: run.status, stdout: run.stdout };
}

const wanted = ({ name }: { readonly name: string }): boolean => words.length === 0 || words.includes(name);

for (const { path } of goldenCases('call').filter(wanted)) writeFileSync(join(path, 'expected.txt'), await answersTo(path, ask));
for (const { name, path } of goldenCases('popular').filter(wanted)) {
  // Needs no registry: another directive of the builtin frontend in the place of the one that asks for an image.
  const dockerfile = readFileSync(join(path, 'Dockerfile'), 'utf8').replace(/^# syntax=.*/, '# escape=\\');
  const { stdout } = ask([...flagsOf(path), '-f', '-', path], dockerfile);
  if (!stdout.startsWith('Check complete')) throw new Error(`${name}: ${stdout}`);
  const lines = findingsIn(stdout, 'WARNING').map((line) => `${line}\n`);
  writeFileSync(join(path, 'expected.txt'), lines.join(''));
}
