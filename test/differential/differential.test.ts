// The same image as Docker's, or a refusal as Docker's: every case of fixtures/differential against
// what was recorded from Docker (scripts/record-differential.ts). Neither Docker nor a network is needed.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { type DifferentialCase, differentialCases, expectedPath, prepareCase } from '../support/differential/case.ts';
import { type BaseImage, baseOf, imagesText } from '../support/differential/image-text.ts';
import { readOciArchive } from '../support/differential/oci-image.ts';
import { type RemoteWorld, startRemoteWorld } from '../support/differential/remote-world.ts';

let bench: Workbench;
let base: BaseImage;
let world: RemoteWorld;

beforeAll(async () => {
  bench = openWorkbench();
  world = await startRemoteWorld();
  await buildBase(bench, 'busybox');
  const archive = join(bench.dir, 'base.tar');
  await bench.ok(['-f', '-', '--output', `type=oci,dest=${archive}`, bench.context({})], { stdin: 'FROM busybox\n' });
  const [image] = await readOciArchive(archive);
  if (image === undefined) throw new Error('no base image');
  base = baseOf(image);
});

afterAll(async () => {
  await world.close();
  bench.dispose();
});

/** Text of the built image, or the codes of the refusal. */
async function outcomeOf(one: DifferentialCase): Promise<string> {
  const prepared = prepareCase(one, world);
  const archive = join(bench.dir, `${one.name}.tar`);
  try {
    const { code, stderr } = await bench.run([...prepared.flags, '--output', `type=oci,dest=${archive}`, prepared.context]);
    if (code === 0) return world.named(imagesText(await readOciArchive(archive), base));
    const codes = new Set([...stderr.matchAll(/^error\[([a-z/-]+)\]/gm)].map((match) => match[1]));
    return `refused: ${[...codes].join(' ')}\n${one.refuse === undefined ? stderr : ''}`;
  } finally {
    prepared.dispose();
  }
}

const cases = differentialCases();

test('there are cases, each recorded', () => {
  expect(cases.length).toBeGreaterThanOrEqual(150);
  expect(cases.filter((one) => !existsSync(expectedPath(one))).map(({ name }) => name)).toEqual([]);
});

describe.concurrent('as Docker', () => {
  test.each(cases)('$name', async (one) => {
    const recorded = readFileSync(expectedPath(one), 'utf8');
    if (one.refuse !== undefined) expect(recorded).toMatch(/^refused: ./);
    const expected = one.refuse === undefined ? recorded : `refused: ${one.code}\n`;
    expect(await outcomeOf(one)).toBe(expected);
  });
});
