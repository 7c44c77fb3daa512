// Laws of planning as a whole; single behaviours are golden cases under fixtures/plan.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../../src/core/canonical.ts';
import { CHECK_CODES } from '../../../src/core/check-rules.ts';
import { DIAGNOSTIC_CODES } from '../../../src/core/codes.ts';
import { digestOf } from '../../../src/core/digest.ts';
import { TsbuildError } from '../../../src/core/errors.ts';
import { parsePlatform } from '../../../src/core/platform.ts';
import { parseDockerfile } from '../../../src/parser/parse-dockerfile.ts';
import { type ImageFact, type PlanOptions, type PlanResult, queryKey } from '../../../src/planner/facts.ts';
import { listTargets } from '../../../src/planner/list-targets.ts';
import { planBuild } from '../../../src/planner/plan-build.ts';
import { parseImageConfig } from '../../../src/push/registry/image-config-document.ts';
import { caseOptions } from '../../golden/plan-case.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

const parse = (text: string) => parseDockerfile({ name: 'Dockerfile', text }).ast;

/** Any image exists, with one layer and some configuration. */
const anyImage = (name: string): ImageFact => ({
  manifest: digestOf(name),
  config: {
    os: 'linux',
    architecture: 'amd64',
    config: { Env: ['PATH=/bin', 'BASE=1'], OnBuild: ['ENV FROM_TRIGGER=$BASE'] },
    rootfs: { type: 'layers', diff_ids: ['sha256:11' as never] },
  },
});

function planWith(text: string, options: Partial<PlanOptions> = {}, reverse = false): { result: PlanResult; rounds: number } {
  const ast = parse(text);
  const images = new Map<string, ImageFact>();
  for (let rounds = 1; ; rounds++) {
    const result = planBuild(ast, { ...caseOptions({}), ...options }, { images });
    if (result.type !== 'needs') return { result, rounds };
    for (const query of reverse ? result.queries.toReversed() : result.queries) images.set(queryKey(query), anyImage(query.reference));
  }
}

const WORDS = fc.constantFrom(
  'a', 'b', '$A', '${A:-b}', '${B#*}', '${C/x/y}', '"q $A"', '/', '/a/', '..', '80', '80-90/udp', '""', '<<EOF', '--from=a', '--from=0', '--from=1',
  '--from=img', '--chown=a', '--chmod=755', '--link', '--mount=type=cache,target=/c', '--mount=from=b,target=/m', '--mount=type=$A', '--network=host',
  'x=y', 'x=$A', 'AS', '["a","b"]', '[]', 'scratch', 'https://h/x', 'git@h:x', '\\\n', 'NONE', 'CMD', 'RUN', 'COPY', '--platform=$BUILDPLATFORM',
); // biome-ignore format: one list
const KEYWORDS = fc.constantFrom(
  'FROM', 'FROM', 'RUN', 'COPY', 'ADD', 'ENV', 'ARG', 'LABEL', 'CMD', 'ENTRYPOINT', 'SHELL', 'EXPOSE', 'VOLUME', 'USER', 'WORKDIR', 'STOPSIGNAL',
  'HEALTHCHECK', 'ONBUILD', 'MAINTAINER',
); // biome-ignore format: one list
const LINES = fc
  .tuple(KEYWORDS, fc.array(WORDS, { minLength: 1, maxLength: 4 }))
  .map(([keyword, words]) => `${keyword} ${words.join(' ')}`);
const FILES = fc.array(LINES, { maxLength: 12 }).map((lines) => `FROM img AS a\n${lines.join('\n')}\nEOF\n`);

/** Files that the parser accepts: lines with errors are taken out one by one. */
function repaired(text: string): string {
  let lines = text.split('\n');
  for (;;) {
    const errors = parseDockerfile({ name: 'Dockerfile', text: lines.join('\n') }).diagnostics.filter(
      ({ severity }) => severity === 'error',
    );
    const at = errors.find(({ span }) => span !== undefined)?.span?.start;
    if (errors.length === 0) return lines.join('\n');
    if (at === undefined) return 'FROM scratch\n';
    const row = lines.join('\n').slice(0, at).split('\n').length - 1;
    lines = lines.toSpliced(row, 1);
  }
}

describe('planBuild', () => {
  test('any file that parses is planned or refused with places inside the file', () => {
    let planned = 0;
    fc.assert(
      fc.property(FILES, (soup) => {
        const text = repaired(soup);
        const { result } = planWith(text);
        if (result.type === 'ready') planned++;
        expect(result.type === 'failed').toBe(result.type !== 'ready');
        for (const { code, span, message } of result.type === 'needs' ? [] : result.diagnostics) {
          expect(Object.hasOwn(DIAGNOSTIC_CODES, code)).toBe(true);
          expect(message).not.toBe('');
          if (span) expect(span.start >= 0 && span.end <= text.length && span.start <= span.end).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
    expect(planned).toBeGreaterThan(20);
  });

  test('vertices come after their inputs, and every layer of history is in the chain of the target', () => {
    fc.assert(
      fc.property(FILES, (soup) => {
        const { result } = planWith(repaired(soup));
        if (result.type !== 'ready') return;
        const seen = new Set<string>();
        for (const vertex of result.plan.graph.vertices) {
          for (const input of vertex.inputs) expect(seen.has(input)).toBe(true);
          seen.add(vertex.id);
        }
        for (const image of result.plan.images) {
          const chain: string[] = [];
          const byId = new Map(result.plan.graph.vertices.map((vertex) => [vertex.id, vertex]));
          for (let at = byId.get(image.target); at !== undefined; at = at.inputs[0] === undefined ? undefined : byId.get(at.inputs[0])) {
            if (at.inputs.length > 0) chain.unshift(at.id);
          }
          expect(image.history.flatMap(({ vertex }) => vertex ?? [])).toEqual(chain);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('the same facts give the same plan, in whatever order they came', () => {
    fc.assert(
      fc.property(FILES, (soup) => {
        const text = repaired(soup);
        expect(canonicalJson(planWith(text, {}, true).result)).toBe(canonicalJson(planWith(text).result));
      }),
      { numRuns: 50 },
    );
  });

  test('a plan is plain data', () => {
    const { result } = planWith('FROM img AS b\nRUN --mount=from=img,target=/x true\nFROM scratch\nCOPY --from=b /x /y\n');
    expect(structuredClone(result)).toEqual(result);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  test('images of unreachable stages are not asked for, all others at once', () => {
    const ast = parse('FROM one AS a\nFROM two AS b\nFROM three\nCOPY --from=a x y\nRUN --mount=from=four,target=/m true\n');
    const result = planBuild(ast, caseOptions({}), { images: new Map() });
    const names = result.type === 'needs' ? result.queries.map(({ reference }) => reference) : [];
    expect(names).toEqual(['docker.io/library/one:latest', 'docker.io/library/three:latest', 'docker.io/library/four:latest']);
  });

  test('checks can look at every stage', () => {
    const ast = parse('FROM one AS a\nCMD shell form\nFROM two\n');
    const all = planBuild(ast, { ...caseOptions({}), everyStage: true }, { images: new Map() });
    expect(all.type === 'needs' && all.queries.map(({ reference }) => reference)).toEqual([
      'docker.io/library/one:latest',
      'docker.io/library/two:latest',
    ]);
    const warnings = (everyStage: boolean): string[] => {
      const { result } = planWith('FROM one AS a\nCMD shell form\nFROM two\n', { everyStage });
      return result.type === 'ready' ? result.diagnostics.map(({ code }) => code) : [];
    };
    expect(warnings(true)).toEqual(['plan/json-args-recommended']);
    expect(warnings(false)).toEqual([]);
  });

  test('a trigger that names another image costs one more round', () => {
    const ast = parse('FROM base\n');
    const images = new Map<string, ImageFact>();
    const config = { ...anyImage('base').config, config: { OnBuild: ['COPY --from=tools /t /t'] } };
    const first = planBuild(ast, caseOptions({}), { images });
    for (const query of first.type === 'needs' ? first.queries : []) images.set(queryKey(query), { manifest: digestOf('base'), config });
    const second = planBuild(ast, caseOptions({}), { images });
    expect(second).toMatchObject({ type: 'needs', queries: [{ reference: 'docker.io/library/tools:latest' }] });
  });

  test('equal steps of two platforms are one vertex, and a problem is reported once', () => {
    const platforms = ['linux/amd64', 'linux/arm64', 'linux/riscv64'].map((text) => parsePlatform(text));
    const text = 'FROM --platform=$BUILDPLATFORM img AS tool\nRUN make\nFROM scratch\nCOPY --from=tool /x /x\nUSER $nobody\n';
    const { result } = planWith(text, { platforms });
    if (result.type !== 'ready') throw new Error('not ready');
    expect(result.plan.images.map(({ target }) => target)).toHaveLength(3);
    expect(new Set(result.plan.images.map(({ target }) => target)).size).toBe(1);
    expect(result.diagnostics.filter(({ code }) => code === 'plan/undefined-var')).toHaveLength(1);
  });

  test('metadata, labels, names and spans do not change a vertex; what a step reads does', () => {
    const target = (text: string, options: Partial<PlanOptions> = {}): string => {
      const { result } = planWith(text, options);
      if (result.type !== 'ready') throw new Error(`not ready: ${canonicalJson(result)}`);
      return result.plan.images[0]?.target ?? '';
    };
    const base = target('FROM img\nRUN make\n');
    expect(target('FROM img AS other\n# comment\n\nLABEL a=b\nEXPOSE 80\nCMD ["x"]\nRUN make\n')).toBe(base);
    expect(target('FROM img\nRUN make\n', { labels: { a: 'b' }, noCache: true, memory: 5, cpus: 1 })).toBe(base);
    expect(target('FROM img\nRUN make\n', { buildArgs: { HTTP_PROXY: 'p', UNUSED: 'x' } })).toBe(base);
    expect(target('FROM img\nARG UNUSED\nRUN make\n')).toBe(base);
    expect(target('FROM img\nARG UNUSED\nRUN make\n', { buildArgs: { UNUSED: 'x' } })).not.toBe(base);
    expect(target('FROM img\nENV A=b\nRUN make\n')).not.toBe(base);
    expect(target('FROM img\nUSER 1\nRUN make\n')).not.toBe(base);
    expect(target('FROM img\nRUN make\n', { addHosts: ['h=1.1.1.1'] })).not.toBe(base);
    const copy = target('FROM img\nCOPY a b\n');
    expect(target('FROM img\nARG X=1\nENV Y=2\nUSER 3\nCOPY a b\n')).toBe(copy);
    expect(target('FROM img\nWORKDIR /\nCOPY a ./b\n')).toBe(copy);
  });

  test.each<[string, object, object | null]>([
    ['empty members', { config: null, history: null }, {}],
    [
      'empty members of its config',
      { config: { Env: null, OnBuild: null, Labels: null, ExposedPorts: null, Volumes: null, Shell: null, Cmd: null } },
      { ExposedPorts: { '1/tcp': {} }, Volumes: { '/v': {} } },
    ],
    // As Go reads them: the values of a set are nothing.
    [
      'sets of anything',
      { config: { ExposedPorts: { '90/udp': null, '80/tcp': {} }, Volumes: { '/data': null } } },
      { ExposedPorts: { '1/tcp': {}, '80/tcp': {}, '90/udp': {} }, Volumes: { '/data': {}, '/v': {} } },
    ],
    ['odd texts', { config: { Env: ['', '=', 'A', '__proto__=x'], OnBuild: ['', '\n\n', '# only'], WorkingDir: 'rel/../..' } }, null],
    ['no shell and odd names', { config: { Shell: [], Labels: JSON.parse('{"__proto__":"x"}') }, history: [{ created_by: 'x' }] }, {}],
  ])('an image config with %s is planned on', (_, json, expected) => {
    const bytes = Buffer.from(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [] }, ...json }));
    const config = parseImageConfig(bytes, 0, (reason) => new TsbuildError({ code: 'registry/bad-manifest', message: reason }));
    const key = queryKey({ reference: 'docker.io/library/img:latest', platform: parsePlatform('linux/amd64') });
    const facts = { images: new Map([[key, { manifest: digestOf('x'), config }]]) };
    const result = planBuild(parse('FROM img\nRUN x\nENV A=b\nEXPOSE 1\nVOLUME /v\n'), caseOptions({}), facts);
    if (expected === null) expect(result.type).toBe('failed');
    else expect(result).toMatchObject({ type: 'ready', plan: { images: [{ config: expected }] } });
  });

  test.each([
    ['RUN echo a\0b', 'a NUL byte in the command'],
    ['RUN ["echo", "\\u0000"]', 'a NUL byte in the command'],
    ['ENV a=\0\nRUN true', 'a NUL byte in the command or its variables'],
    ['RUN echo \udcff', 'bytes that are not UTF-8'],
    ['RUN --mount=type=tmpfs,target=/a\0b true', 'a NUL byte in a path'],
    ['WORKDIR /a\0b', 'a NUL byte in a path'],
    ['COPY a /b\0c', 'a NUL byte in a path'],
    ['COPY <<A\0 /\nA\0', 'a NUL byte in a path'],
  ])('%j is refused: the system would cut it off', (line, message) => {
    const { result } = planWith(`FROM scratch\n${line}\n`);
    const problems = result.type === 'failed' ? result.diagnostics : [];
    expect(problems.map(({ code }) => code)).toEqual(['plan/unusable-text']);
    expect(problems[0]?.message).toContain(message);
  });

  test('a stage has room for every port of three protocols, and for no more', () => {
    const ports = (lines: number): PlanResult => planWith(`FROM scratch\n${'EXPOSE 0-65535\n'.repeat(lines)}`).result;
    expect(ports(3).type).toBe('ready');
    const refused = ports(5);
    const problems = refused.type === 'failed' ? refused.diagnostics.map(({ message, span }) => [message, span?.start]) : [];
    expect(problems).toEqual([65, 80].map((start) => ['the stage exposes too many ports', start]));
  });

  test('thousands of variables, each misspelt once, are planned in seconds', () => {
    const lines = Array.from({ length: 4_000 }, (_, at) => `ENV V${at}=$V${at - 1}x`);
    const plan = () => expect(planWith(`FROM scratch\n${lines.join('\n')}\n`).result.type).toBe('ready');
    expect(cpuSeconds(plan)).toBeLessThan(10);
  });

  test.each([
    ['ENV', (at: number) => `ENV K${at}=v`],
    ['ARG', (at: number) => `ARG K${at}=v`],
    ['LABEL', (at: number) => `LABEL K${at}=v`],
    ['EXPOSE', (at: number) => `EXPOSE ${at % 65_536}`],
    ['VOLUME', (at: number) => `VOLUME /v${at}`],
    ['ONBUILD', (at: number) => `ONBUILD ENV K${at}=v`],
    ['stages', (at: number) => `FROM s${at} AS s${at + 1}\nENV K${at}=v`],
  ] as const)('eight times as many %s take about eight times as long', (_, line) => {
    const cost = (count: number): number => {
      const ast = parse(`FROM scratch AS s0\n${Array.from({ length: count }, (_unused, at) => line(at)).join('\n')}\n`);
      return cpuSeconds(() => expect(planBuild(ast, caseOptions({}), { images: new Map() }).type).toBe('ready'));
    };
    cost(2_000);
    // 64 times where every instruction copies what came before; small amounts are not compared.
    expect(cost(16_000)).toBeLessThan(Math.max(cost(2_000), 0.025) * 30);
  });
});

test('every check has a code in the table', () => {
  for (const code of Object.values(CHECK_CODES)) expect(Object.hasOwn(DIAGNOSTIC_CODES, code)).toBe(true);
});

test('targets are listed with base, platform and description', () => {
  const text =
    '# build compiles everything\nFROM --platform=$BUILDPLATFORM golang:1 AS Build\n\n# not about the stage\nFROM scratch AS run\nFROM run\n';
  expect(listTargets(parse(text), {}, parsePlatform('linux/amd64'))).toMatchObject([
    { name: 'build', default: false, base: 'golang:1', platform: '$BUILDPLATFORM', description: 'compiles everything' },
    { name: 'run', default: false, base: 'scratch' },
    { name: '', default: true, base: 'run' },
  ]);
});
