// Records what `docker buildx bake --print` says of each fixture under fixtures/bake. BAKE_ORACLE is the
// command to ask, like BAKE_ORACLE="docker buildx bake". Names on the command line limit it to those cases.
// What the oracle refuses gets expected.txt with what tsbuild says, and so does a case with a file
// `refused.txt`, which says why tsbuild refuses what the oracle takes.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBakeCase, runBakeCase } from '../test/support/bake-case.ts';

const ROOT = join(import.meta.dirname, '../fixtures/bake');
const NOTES = ['args.txt', 'env.txt', 'expected.json', 'expected.txt', 'conflicts.txt', 'refused.txt'];

function askOracle(command: string, directory: string): string | null {
  const [program = 'docker', ...before] = command.split(' ');
  const scratch = mkdtempSync(join(tmpdir(), 'bake-'));
  try {
    cpSync(directory, scratch, { recursive: true });
    for (const note of NOTES) rmSync(join(scratch, note), { force: true });
    const { args, environment } = readBakeCase(directory);
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment };
    const asked = spawnSync(program, [...before, '--print', ...args], { cwd: scratch, env, encoding: 'utf8' });
    if (asked.error !== undefined) throw asked.error;
    if (asked.status !== 0 && process.env['VERBOSE'] !== undefined) process.stdout.write(asked.stderr);
    return asked.status === 0 ? asked.stdout : null;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const command = process.env['BAKE_ORACLE'] ?? 'docker buildx bake';
const wanted = process.argv.slice(2);
let different = 0;
for (const name of readdirSync(ROOT).sort()) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const directory = join(ROOT, name);
  const expected = askOracle(command, directory);
  const actual = runBakeCase(directory);
  rmSync(join(directory, 'expected.json'), { force: true });
  rmSync(join(directory, 'expected.txt'), { force: true });
  const refused = existsSync(join(directory, 'refused.txt'));
  if (expected === null || refused) writeFileSync(join(directory, 'expected.txt'), actual.messages);
  else writeFileSync(join(directory, 'expected.json'), expected);
  const same = refused ? actual.json === null : actual.json === expected;
  if (same) continue;
  different += 1;
  process.stdout.write(`${name}: differs\n--- oracle\n${expected ?? '(refused)'}\n--- tsbuild\n${actual.json ?? actual.messages}\n`);
}
process.stdout.write(`${different} cases differ\n`);
process.exitCode = different === 0 ? 0 : 1;
