// Records what Docker makes of fixtures/differential, as expected.txt of each case: the only place
// where Docker is needed. Needs docker with buildx and, behind it, an image `busybox` as
// scripts/base-image.sh makes it. Nothing is taken from its cache, whose records ignore times. Usage: node scripts/record-differential.ts [--docker 'CMD…'] [CASE…]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../test/support/cli.ts';
import { type DifferentialCase, differentialCases, expectedPath, prepareCase } from '../test/support/differential/case.ts';
import { type BaseImage, baseOf, imagesText } from '../test/support/differential/image-text.ts';
import { readOciArchive } from '../test/support/differential/oci-image.ts';
import { startRemoteWorld } from '../test/support/differential/remote-world.ts';

const words = process.argv.slice(2);
const at = words.indexOf('--docker');
const docker = (at === -1 ? 'docker' : (words.splice(at, 2)[1] ?? 'docker')).split(' ');
const work = mkdtempSync(join(tmpdir(), 'record-differential-'));

async function build(
  args: readonly string[],
  stdin = '',
): Promise<{ readonly archive: string; readonly code: number | null; readonly log: string }> {
  const archive = join(work, 'image.tar');
  rmSync(archive, { force: true });
  const network = args.some((arg) => arg.includes('network')) ? [] : ['--network=host'];
  const fresh = args.some((arg) => arg.startsWith('--no-cache')) ? [] : ['--no-cache'];
  const fixed = ['buildx', 'build', ...fresh, '--provenance=false', '--progress=plain', ...network, '--output', `type=oci,dest=${archive}`];
  const run = await runCli([...fixed, ...args], { command: docker, stdin });
  return { archive, code: run.code, log: `${run.stdout}${run.stderr}` };
}

async function record(one: DifferentialCase, base: BaseImage): Promise<string> {
  const prepared = prepareCase(one, world);
  try {
    const { archive, code, log } = await build([...prepared.flags, prepared.context]);
    const refused = one.refuse !== undefined;
    if ((code !== 0) !== refused) throw new Error(`${one.name}: Docker ${code === 0 ? 'builds' : 'refuses'} it\n${log.slice(-800)}`);
    if (!refused) return imagesText(await readOciArchive(archive), base);
    const message = log.slice(log.lastIndexOf('ERROR:'));
    if (!new RegExp(one.refuse ?? '').test(message)) throw new Error(`${one.name}: refused for another reason\n${message}`);
    return `refused: ${stable(message.split('\n', 1)[0] ?? '')}\n`;
  } finally {
    prepared.dispose();
  }
}

/** Without names that differ from run to run. */
const stable = (message: string): string =>
  message
    .replace(/^ERROR: (failed to build: )?(failed to solve: )?/, '')
    .replace(/\b[a-z0-9]{25}(::[a-z0-9]{25})?\b/g, 'REF')
    .replace(/\/\S*\/(cachemounts|mounts)\/buildkit\d+/g, 'ROOT');

const world = await startRemoteWorld();
const { archive, code, log } = await build(['-'], 'FROM busybox\n');
if (code !== 0) throw new Error(`FROM busybox does not build:\n${log}`);
const [first] = await readOciArchive(archive);
if (first === undefined) throw new Error('no image');
const failures: string[] = [];
for (const one of differentialCases()) {
  if (words.length > 0 && !words.includes(one.name)) continue;
  try {
    writeFileSync(expectedPath(one), world.named(await record(one, baseOf(first))));
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }
}
await world.close();
rmSync(work, { recursive: true, force: true });
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;
await import('./record-revisions.ts');
