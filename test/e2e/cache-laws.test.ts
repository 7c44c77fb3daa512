// Whatever was built before, a build gives the image that a build without any cache gives. Random
// edits of a project are built one after the other in one store, and each once more with --no-cache
// in another one. TSBUILD_SEED repeats a run, TSBUILD_EDITS sets its length.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuildRequest, DockerfileError } from '../../src/build/request/build-request.ts';
import { runBuild } from '../../src/build/run-build.ts';
import { openSession, type Session } from '../../src/build/session.ts';
import { StepError } from '../../src/build/solve/step-error.ts';
import { TsbuildError } from '../../src/core/errors.ts';
import type { BuildEvent } from '../../src/core/events.ts';
import type { Executor } from '../../src/executor/executor.ts';
import { HOME } from '../support/cli.ts';
import { dockerfileOf, edit, FIRST, type Project, writeProject } from '../support/dockerfile-edits.ts';
import { seededRandom } from '../support/seeded-random.ts';

const EDITS = Number(process.env['TSBUILD_EDITS'] ?? 200);
const SEQUENCE = 25;
const { seed } = seededRandom('TSBUILD_SEED');
/** Enters directories that steps make, and all times of an image. */
const NOW = 1_700_000_000_000;

let dir: string;
let cached: Store;
let fresh: Store;

/** A store whose executor outlives its sessions, because starting one costs more than a build here. */
class Store {
  readonly #root: string;
  readonly #keeper: Session;
  readonly #executor: () => Promise<Executor>;
  cachedSteps = 0;
  ranSteps = 0;

  constructor(root: string) {
    this.#root = root;
    this.#keeper = this.#open(() => undefined);
    this.#executor = () => this.#keeper.executor();
  }

  #open(emit: (event: BuildEvent) => void): Session {
    return openSession({ root: this.#root, emit, signal: new AbortController().signal, clock: () => NOW, isolation: 'auto' });
  }

  async build(request: Partial<BuildRequest>): Promise<string> {
    this.cachedSteps = 0;
    this.ranSteps = 0;
    const session = this.#open((event) => {
      if (event.type !== 'vertex-finished' || event.vertex.stage === undefined || event.error !== undefined) return;
      if (event.cached) this.cachedSteps += 1;
      else this.ranSteps += 1;
    });
    try {
      const shared = Object.assign(Object.create(session) as Session, { executor: this.#executor });
      const { descriptor } = await runBuild(shared, { ...REQUEST, ...request });
      return descriptor?.digest ?? 'nothing';
    } catch (error) {
      return `failed: ${describeFailure(error)}`;
    } finally {
      await session.close();
    }
  }

  close(): Promise<void> {
    return this.#keeper.close();
  }
}

/** Failures are compared too; anything that is not one of ours ends the test. */
function describeFailure(error: unknown): string {
  if (error instanceof DockerfileError || error instanceof TsbuildError) return error.message;
  if (error instanceof StepError && error.cause instanceof TsbuildError) return error.message;
  throw error;
}

const REQUEST: BuildRequest = {
  context: '',
  stdin: Readable.from([]),
  tags: ['law'],
  buildArgs: {},
  labels: {},
  platforms: [],
  noCache: false,
  noCacheFilter: [],
  pull: false,
  namedContexts: {},
  secrets: {},
  ssh: {},
  addHosts: [],
  network: 'default',
  allow: [],
  ulimits: [],
  outputs: [{ type: 'image', names: [], push: false, pushByDigest: false, layers: { compression: 'uncompressed' } }],
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'tsbuild-laws-'));
  cached = new Store(join(dir, 'cached'));
  fresh = new Store(join(dir, 'fresh'));
  execFileSync(join(HOME, 'scripts/base-image.sh'), [join(dir, 'rootfs')]);
  for (const name of ['proc', 'sys', 'dev']) execFileSync('mkdir', ['-p', join(dir, 'rootfs', name)]);
  const request = { context: join(dir, 'rootfs'), dockerfile: join(HOME, 'fixtures/base/Dockerfile'), tags: ['base'] };
  expect(await cached.build(request)).toBe(await fresh.build(request));
});
afterAll(async () => {
  await cached.close();
  await fresh.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('a cached build', () => {
  it(`gives the image of an uncached one after each of ${EDITS} edits`, { timeout: EDITS * 10_000 }, async () => {
    process.stderr.write(`cache laws: ${EDITS} edits, TSBUILD_SEED=${seed}\n`);
    const context = join(dir, 'context');
    let hits = 0;
    let runs = 0;
    let built = 0;
    const laws = fc.asyncProperty(fc.array(edit, { minLength: SEQUENCE, maxLength: SEQUENCE }), async (edits) => {
      let sound: Project = FIRST;
      for (const change of edits) {
        const project = change(sound);
        writeProject(project, context);
        const request = { context, buildArgs: project.buildArg === null ? {} : { VALUE: project.buildArg } };
        const got = await cached.build(request);
        hits += cached.cachedSteps;
        runs += cached.ranSteps;
        const place = `${dockerfileOf(project)}\n${JSON.stringify(project)}`;
        expect(got, place).toBe(await fresh.build({ ...request, noCache: true }));
        if (got.startsWith('failed')) continue;
        // An edit that breaks the build is taken back.
        sound = project;
        built += 1;
        expect(await cached.build(request), place).toBe(got);
        expect(cached.ranSteps, `a second build runs nothing\n${place}`).toBe(0);
      }
    });
    await fc.assert(laws, { seed, numRuns: Math.ceil(EDITS / SEQUENCE), endOnFailure: true });
    process.stderr.write(`cache laws: ${built} images, ${hits} steps from the cache, ${runs} run\n`);
    // A test whose builds all fail or always miss would prove nothing.
    expect(built).toBeGreaterThan(EDITS / 4);
    expect(hits).toBeGreaterThan(EDITS / 4);
    expect(runs).toBeGreaterThan(EDITS / 10);
  });
});
