// Random projects and random edits of them, for comparing cached with uncached builds. Every time that
// could enter a layer is fixed, so equal inputs must give equal images.
import { chmodSync, lutimesSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';

type ProjectFile =
  | { readonly type: 'file'; readonly content: string; readonly mode: number }
  | { readonly type: 'link'; readonly to: string };

export interface Project {
  readonly files: Readonly<Record<string, ProjectFile>>;
  readonly ignore: readonly string[];
  /** Instructions of each stage; the last is the target. */
  readonly stages: readonly (readonly string[])[];
  /** Index into BASES, by stage. */
  readonly bases: readonly number[];
  readonly argument: string;
  /** --build-arg VALUE, when given. */
  readonly buildArg: string | null;
}

export type Edit = (project: Project) => Project;

const PATHS = ['a', 'b', 'd/a', 'd/b', 'd/e/f', 'x.txt'] as const;
const path = fc.constantFrom(...PATHS);
const content = fc.constantFrom('one\n', 'two\n', 'tri\n', '', 'longer content\n');
const mode = fc.constantFrom(0o644, 0o600, 0o755);

/** Leaves one file of its own with a fixed time and touches nothing else. */
const reading = (what: string, out: string, flags = ''): string =>
  `RUN ${flags}x=$({ ${what}; } 2>/dev/null); echo "$x" > /${out}; touch -d @1000000000 /${out}`;
const ALL = 'find /w /d /a /o1 /o2 -type f 2>/dev/null | sort | xargs -r cat; find /w /d -exec stat -c "%n %a %u" {} + | sort';

const instruction: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(path, fc.constantFrom('/', '/w/', '/a', '/d/x')).map(([from, to]) => `COPY ${from} ${to}`) },
  { weight: 2, arbitrary: fc.constantFrom('COPY . /w/', 'COPY d /d/', 'COPY *.txt d/? /w/', 'COPY --link d /w/', 'COPY --link a /a') },
  { weight: 1, arbitrary: fc.tuple(path, fc.constantFrom('600', '755')).map(([from, to]) => `COPY --chmod=${to} ${from} /w/`) },
  { weight: 1, arbitrary: path.map((from) => `COPY --chown=7:8 ${from} /w/`) },
  { weight: 1, arbitrary: fc.constantFrom('COPY --exclude=e d /w/', 'COPY --exclude=a . /w/', 'COPY --parents d/e/f d/a /w/') },
  { weight: 2, arbitrary: fc.constantFrom('WORKDIR /w', 'WORKDIR /w/deep', 'WORKDIR e') },
  { weight: 2, arbitrary: fc.constantFrom('ARG VALUE', 'ARG VALUE=default', 'ENV VALUE=env', 'ENV OTHER=$VALUE', 'USER 7', 'USER root') },
  { weight: 1, arbitrary: fc.constantFrom('COPY <<E /w/here\nhere $VALUE\nE', 'LABEL l=$VALUE', 'CMD ["x"]') },
  { weight: 2, arbitrary: fc.constantFrom(reading(ALL, 'o1'), reading(`echo $VALUE; ${ALL}`, 'o2')) },
  { weight: 1, arbitrary: fc.constant(reading('find /m -type f | sort | xargs -r cat', 'o3', '--mount=type=bind,target=/m ')) },
  {
    weight: 1,
    arbitrary: fc.constant(reading('cat /m/o1 /m/o2 /m/w/a', 'o4', '--mount=type=bind,from=s0,target=/m ')),
  },
  { weight: 2, arbitrary: fc.constantFrom('COPY --from=s0 /w /w', 'COPY --from=s0 /o1 /w/', 'COPY --from=s0 /a /d /w/') },
);

const BASES = ['base', 's0', 'scratch'] as const;

const replaced = <T>(list: readonly T[], at: number, ...items: readonly T[]): readonly T[] => [
  ...list.slice(0, at),
  ...items,
  ...list.slice(at + 1),
];

const inStage = (change: (stage: readonly string[], at: number) => readonly string[]) =>
  fc.tuple(fc.nat(), fc.nat()).map(
    ([stage, at]): Edit =>
      (project) => {
        const index = stage % project.stages.length;
        const lines = project.stages[index] ?? [];
        return { ...project, stages: replaced(project.stages, index, change(lines, lines.length === 0 ? 0 : at % lines.length)) };
      },
  );

const writing: fc.Arbitrary<Edit> = fc.tuple(path, content, mode).map(([name, text, bits]) => (project) => ({
  ...project,
  files: { ...project.files, [name]: { type: 'file', content: text, mode: bits } },
}));

/** Any project: edits lead from one to the next. */
export const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 6, arbitrary: writing },
  {
    weight: 2,
    arbitrary: path.map(
      (name): Edit =>
        (project) => ({ ...project, files: without(project.files, name) }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom('l', 'd/l'), fc.constantFrom('a', 'e', 'gone')).map(
      ([name, to]): Edit =>
        (project) => ({ ...project, files: { ...project.files, [name]: { type: 'link', to } } }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.subarray(['d/e', '*.txt', 'd/*', '!d/a', 'b']).map(
      (ignore): Edit =>
        (project) => ({ ...project, ignore }),
    ),
  },
  { weight: 3, arbitrary: fc.tuple(instruction, fc.nat(), fc.nat()).map(([line, stage, at]) => inserting(line, stage, at)) },
  { weight: 2, arbitrary: inStage((stage, at) => replaced(stage, at)) },
  { weight: 1, arbitrary: inStage((stage, at) => (stage.length < 2 ? stage : [...replaced(stage, at), stage[at] ?? ''])) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('1', '2', '3').map(
      (argument): Edit =>
        (project) => ({ ...project, argument }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom('p', 'q', null).map(
      (buildArg): Edit =>
        (project) => ({ ...project, buildArg }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(), fc.nat(2)).map(
      ([stage, base]): Edit =>
        (project) => {
          const index = stage % project.stages.length;
          return { ...project, bases: replaced(project.bases, index, index === 0 ? 0 : base) };
        },
    ),
  },
  { weight: 1, arbitrary: fc.constant<Edit>((project) => project) },
);

const inserting = (line: string, stage: number, at: number): Edit => {
  return (project) => {
    // The first stage cannot read itself.
    const index = line.includes('from=s0') ? project.stages.length - 1 : stage % project.stages.length;
    const lines = project.stages[index] ?? [];
    const place = at % (lines.length + 1);
    const longer = [...lines.slice(0, place), line, ...lines.slice(place)].slice(-MOST);
    return { ...project, stages: replaced(project.stages, index, longer) };
  };
};

/** Instructions in a stage. */
const MOST = 6;

function without<T>(record: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
  const { [name]: _, ...rest } = record;
  return rest;
}

export const FIRST: Project = {
  files: {
    a: { type: 'file', content: 'one\n', mode: 0o644 },
    'd/a': { type: 'file', content: 'two\n', mode: 0o644 },
    'd/e/f': { type: 'file', content: 'tri\n', mode: 0o644 },
    'x.txt': { type: 'file', content: 'x\n', mode: 0o644 },
  },
  ignore: [],
  stages: [
    ['COPY d /d/', reading(ALL, 'o1')],
    ['COPY . /w/', 'COPY --from=s0 /o1 /w/'],
  ],
  bases: [0, 0],
  argument: '1',
  buildArg: null,
};

export function dockerfileOf(project: Project): string {
  const stages = project.stages.map((lines, at) => [`FROM ${BASES[project.bases[at] ?? 0]} AS s${at}`, ...lines].join('\n'));
  return `ARG GLOBAL=${project.argument}\n${stages.join('\n').replaceAll('$VALUE', `$VALUE.${project.argument}`)}\n`;
}

/** Writes the project, with one and the same time on everything; directories come and go with their files. */
export function writeProject(project: Project, directory: string): void {
  for (const name of safeNames(directory)) rmSync(join(directory, name), { recursive: true });
  const files = { Dockerfile: dockerfileOf(project), '.dockerignore': ['Dockerfile', '.dockerignore', ...project.ignore].join('\n') };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  for (const [name, file] of Object.entries(project.files)) {
    const target = join(directory, name);
    mkdirSync(dirname(target), { recursive: true });
    if (file.type === 'link') symlinkSync(file.to, target);
    else {
      writeFileSync(target, file.content);
      chmodSync(target, file.mode);
    }
  }
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) lutimesSync(join(directory, name), TIME, TIME);
}

const TIME = 1_000_000_000;

const safeNames = (directory: string): string[] => {
  mkdirSync(directory, { recursive: true });
  return readdirSync(directory);
};
