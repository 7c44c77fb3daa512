// Records what Docker answers to --call for the cases of fixtures/call, as expected.txt of each. Needs docker
// with buildx and an image `busybox` behind it. Usage: node scripts/record-calls.ts [--docker 'CMD…'] [CASE…]
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersTo } from '../test/support/call-case.ts';
import { goldenCases } from '../test/support/golden.ts';

const words = process.argv.slice(2);
const at = words.indexOf('--docker');
const [command = 'docker', ...before] = at === -1 ? ['docker'] : (words.splice(at, 2)[1] ?? 'docker').split(' ');

for (const { name, path } of goldenCases('call')) {
  if (words.length > 0 && !words.includes(name)) continue;
  const answers = await answersTo(path, (flags) => {
    const run = spawnSync(command, [...before, 'buildx', 'build', ...flags], { encoding: 'utf8' });
    return { code: run.status, stdout: run.stdout };
  });
  writeFileSync(join(path, 'expected.txt'), answers);
}
