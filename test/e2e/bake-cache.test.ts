// The cache of a monorepo is never lost: 50 targets over one store, in one process or in eight at once, in
// any order and whatever ran in between; what was built once is not built again.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BuildEvent } from '../../src/core/events.ts';
import { buildBase, type CliResult, openWorkbench, type Workbench } from '../support/cli.ts';

let bench: Workbench;
let cwd: string;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
  cwd = bench.context(FILES);
});
afterAll(() => bench.dispose());

const COUNT = 50;
const PROCESSES = 8;
const NAMES = Array.from({ length: COUNT }, (_, at) => `t${at}`);

/** Every target shares a step that runs and has a copy of its own; every fifth has a step of its own on top. */
const DOCKERFILE = `FROM base AS shared
ARG ROUND
RUN echo $ROUND > /shared
FROM shared AS small
ARG NAME
COPY files/$NAME /own
FROM small AS large
RUN cat /own /shared > /both
`;
const TARGETS = NAMES.map((name, at) => [name, { target: at % 5 === 0 ? 'large' : 'small', args: { NAME: name, ROUND: '${ROUND}' } }]);
const DEFINITION = { variable: { ROUND: { default: '' } }, group: { default: { targets: NAMES } }, target: Object.fromEntries(TARGETS) };
const FILES = {
  Dockerfile: DOCKERFILE,
  'docker-bake.json': JSON.stringify(DEFINITION),
  ...Object.fromEntries(NAMES.map((name) => [`files/${name}`, `${name}\n`])),
};
/** The shared step, a copy each, and the steps on top. */
const STEPS = 1 + COUNT + COUNT / 5;

const bake = (round: string, targets: readonly string[] = []): Promise<CliResult> =>
  bench.ok(['bake', '--progress=rawjson', ...targets], { cwd, env: { ROUND: round } });

/** Steps that ran, by what they are for. */
function ran({ stderr }: CliResult): string[] {
  const events = stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as BuildEvent] : []));
  return events.flatMap((event) =>
    event.type === 'vertex-finished' && event.vertex.stage !== undefined && !event.cached ? [event.vertex.name] : [],
  );
}

/** Each target in two of the parts, in an order of its own for each. */
const parts = (): string[][] =>
  Array.from({ length: PROCESSES }, (_, part) => {
    const own = NAMES.filter((_name, at) => at % PROCESSES === part || (at + 3) % PROCESSES === part);
    return part % 2 === 0 ? own : own.toReversed();
  });

async function inParts(round: string): Promise<string[]> {
  const results = await Promise.all(parts().map((targets) => bake(round, targets)));
  return results.flatMap(ran);
}

it('what one process built, eight at once do not build again, and what eight built one does not', async () => {
  expect(ran(await bake('first'))).toHaveLength(STEPS);
  expect(await inParts('first')).toEqual([]);
  expect(await inParts('second')).toHaveLength(STEPS);
  expect(ran(await bake('second', NAMES.toReversed()))).toEqual([]);
});

it('other builds in between take nothing away', async () => {
  await bake('first');
  const edited = join(cwd, 'files/t5');
  const before = readFileSync(edited);
  writeFileSync(edited, 'edited\n');
  expect(ran(await bake('first'))).toEqual(['[small 1/1] COPY files/t5 /own', '[large 1/1] RUN cat /own /shared > /both']);
  writeFileSync(edited, before);
  await Promise.all([
    bake('third', ['t1']),
    bench.ok(['prune', '--max-size', '10g']),
    bench.ok(['--no-cache', '--build-arg', 'ROUND=other', '--target', 'shared', cwd]),
    bench.run(['--build-arg', 'ROUND=first', '--build-arg', 'NAME=missing', cwd]),
  ]);
  expect(ran(await bake('first'))).toEqual([]);
});
