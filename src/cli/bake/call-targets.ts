// `tsbuild bake --call` and `call` of targets: answers about Dockerfiles in the shapes of `docker buildx bake`,
// by name of the target. As JSON they are one document, beside the definition of each target.
import { withPlannedTargets } from '../../build/bake/called-targets.ts';
import type { openBake, printCalls } from '../../build/bake/open-bake.ts';
import { type Answer, answerCall } from '../call/call.ts';
import { type Call, callOf, parseCall } from '../call/parse-call.ts';
import type { Cli } from '../commands/command.ts';
import { withSession } from '../commands/session.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';

type Target = Awaited<ReturnType<typeof openBake>>['targets'][number];

/** What became of targets, for the shell and for --metadata-file. */
export interface BakeReport {
  readonly code: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface Question {
  readonly target: Target;
  readonly call: Call;
}

/** What the targets are asked, by name; usage errors are thrown before anything is built. */
export function questionsOf(targets: readonly Target[], args: ParsedArgs): readonly Question[] {
  const { format, ignoreStatus } = callOf(args, 'bake') ?? { format: 'text', ignoreStatus: false };
  if (format !== 'text' && format !== 'json') throw usageError('bake', `bake answers as text or json, not ${format}`);
  return targets
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((target) => {
      const call = parseCall(target.call ?? '', 'bake');
      return call === null ? [] : [{ target, call: { name: call.name, format, ignoreStatus } }];
    });
}

/** Exit code, the worst of all, and metadata by name of the target. `print` makes a document of answers, also by name. */
export async function callTargets(
  targets: readonly Target[],
  questions: readonly Question[],
  cli: Cli,
  print: (answers: Parameters<typeof printCalls>[2]) => string,
): Promise<BakeReport> {
  const options = { environment: cli.env, workingDirectory: cli.cwd };
  const answered: (Question & Answer)[] = [];
  await withSession(cli, {}, (session) =>
    withPlannedTargets(session, targets, options, async (planned) => {
      for (const { target, call } of questions) {
        const answer = await answerCall(session, call, planned.request(target), cli.cwd, (query) => planned.image(query));
        answered.push({ target, call, ...answer });
      }
    }),
  );
  const asJson = questions[0]?.call.format === 'json';
  const answers = new Map(answered.map(({ target, call, text }) => [target.name, { call: call.name, text }]));
  cli.print(asJson ? print(answers) : answered.map(textOf).join('\n'));
  const metadata: [string, unknown][] = [];
  for (const one of answered) metadata.push([one.target.name, await one.metadata()]);
  return { code: Math.max(EXIT_OK, ...answered.map(({ code }) => code)), metadata: Object.fromEntries(metadata) };
}

const textOf = ({ target: { name, description }, text }: Question & Answer): string =>
  `${name}\n${description === undefined || description === '' ? '' : `${description}\n`}\n${text}`;
