// `tsbuild bake`: all targets of definition files in one go, or what they are (--print, --list, --check).
import { availableParallelism } from 'node:os';
import { listTargets, listVariables } from '../../build/bake/list-bake.ts';
import {
  type BakeDiagnostic,
  BakeProblem,
  loadDefinitions,
  type OpenBakeOptions,
  openBake,
  printBake,
} from '../../build/bake/open-bake.ts';
import { fetchDefinition, remoteTarget, remoteUrl } from '../../build/bake/remote-definition.ts';
import type { TargetOutcome } from '../../build/bake/run-bake.ts';
import type { Session } from '../../build/session.ts';
import { renderDiagnostic } from '../../core/render-diagnostic.ts';
import { bakeOverrides } from '../bake-options.ts';
import { buildMetadata, writeMetadata } from '../build-metadata.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../exit-code.ts';
import { isOn, listOf, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { reportError } from '../report-error.ts';
import { bakeSummary } from '../reporter/bake-summary.ts';
import { TargetTally } from '../reporter/target-tally.ts';
import { tableText } from '../table-text.ts';
import type { Cli, RunCommand } from './command.ts';
import { withProgress } from './session.ts';

type Resolved = Awaited<ReturnType<typeof openBake>>;

export const run: RunCommand = async (args, cli) => {
  const url = remoteUrl(args.positionals[0]);
  const remote = url === null ? null : await withProgress(args, cli, (session) => fetchDefinition(session, url));
  const options: OpenBakeOptions = {
    ...(remote === null ? {} : { remote }),
    files: listOf(args, 'file'),
    targets: url === null ? args.positionals : args.positionals.slice(1),
    overrides: bakeOverrides(args),
    environment: cli.env,
    workingDirectory: cli.cwd,
  };
  const list = args.values.get('list');
  if (list !== undefined) return printList(list, options, cli);
  const printed = await openBake(options);
  if (report(printed.diagnostics, cli)) return EXIT_USAGE;
  if (isOn(args, 'print')) {
    cli.print(printBake(printed.groups, printed.targets, url));
    return EXIT_OK;
  }
  const resolved = remote === null ? printed : { ...printed, targets: printed.targets.map((target) => remoteTarget(target, remote)) };
  const calls = resolved.targets.filter((target) => target.call !== undefined && target.call !== 'build');
  if (calls.length > 0) return callTargets(resolved, args, cli);
  if (report(resolved.conflicts, cli)) return EXIT_USAGE;
  return buildTargets(resolved, args, cli);
};

/** Says whether there are errors. */
function report(diagnostics: readonly BakeDiagnostic[], cli: Cli): boolean {
  for (const { diagnostic, file } of diagnostics)
    cli.stderr.write(`${renderDiagnostic(diagnostic, file ?? { name: 'bake', text: '' }, { color: cli.stderr.color })}\n`);
  return diagnostics.some(({ diagnostic }) => diagnostic.severity === 'error');
}

/** `targets`, `variables`, or the fields `type=` and `format=json` as buildx takes them. */
async function printList(text: string, options: OpenBakeOptions, cli: Cli): Promise<number> {
  const fields = new Map(
    text
      .split(',')
      .map((field) => (field.includes('=') ? [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)] : ['type', field])),
  );
  const type = fields.get('type');
  const json = fields.get('format') === 'json';
  if (type !== 'targets' && type !== 'variables') throw usageError('bake', `--list is targets or variables, got ${JSON.stringify(text)}`);
  try {
    const loaded = await loadDefinitions(options);
    if (type === 'targets') {
      const items = listTargets(loaded);
      cli.print(
        json
          ? `${JSON.stringify(items, null, 2)}\n`
          : tableText([['TARGET', 'DESCRIPTION'], ...items.map((item) => [item.name, item.description ?? ''])]),
      );
    } else {
      const items = listVariables(loaded);
      const rows = items.map((item) => [item.name, item.type ?? '', item.value ?? '<null>', item.description ?? '']);
      cli.print(json ? `${JSON.stringify(items, null, 2)}\n` : tableText([['VARIABLE', 'TYPE', 'VALUE', 'DESCRIPTION'], ...rows]));
    }
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof BakeProblem)) throw error;
    report([{ diagnostic: error.diagnostic, file: error.file }], cli);
    return EXIT_USAGE;
  }
}

/** --check and --call: answers about each Dockerfile; the worst exit code counts. */
async function callTargets(resolved: Resolved, args: ParsedArgs, cli: Cli): Promise<number> {
  const { targetRequest } = await import('../../build/bake/target-request.ts');
  const { runCall } = await import('../call/call.ts');
  let code = EXIT_OK;
  for (const target of resolved.targets) {
    const name =
      target.call === 'outline' || target.call === 'targets'
        ? target.call
        : target.call === undefined || target.call === 'build'
          ? null
          : 'check';
    if (name === null || target.linked) continue;
    if (resolved.targets.length > 1) cli.print(`${target.name}\n${'-'.repeat(target.name.length)}\n`);
    const request = targetRequest(target, {
      environment: cli.env,
      workingDirectory: cli.cwd,
      allow: allowedOf(args),
      linked: new Map(),
    });
    code = Math.max(code, await runCall({ name, format: 'text' }, args, request, cli));
    if (resolved.targets.length > 1) cli.print('\n');
  }
  return code;
}

async function buildTargets(resolved: Resolved, args: ParsedArgs, cli: Cli): Promise<number> {
  const { runBake } = await import('../../build/bake/run-bake.ts');
  const options = {
    environment: cli.env,
    workingDirectory: cli.cwd,
    allow: allowedOf(args),
    parallel: parallelOf(args),
    failFast: isOn(args, 'fail-fast'),
  };
  const tally = new TargetTally();
  const outcomes = await withProgress(args, cli, (session) => runBake(watched(session, tally), resolved.targets, options));
  for (const outcome of outcomes) {
    if (outcome.type !== 'failed') continue;
    cli.stderr.write(`target ${outcome.target.name} failed:\n`);
    reportError(outcome.error, cli.stderr, cli.signal.aborted);
  }
  if (!isOn(args, 'quiet')) cli.stderr.write(bakeSummary(outcomes, tally));
  const metadata = args.values.get('metadata-file');
  if (metadata !== undefined) writeMetadata(metadata, metadataOf(outcomes));
  return outcomes.every((outcome) => outcome.type === 'built') ? EXIT_OK : EXIT_FAILED;
}

const watched = (session: Session, tally: TargetTally): Session => ({
  ...session,
  emit(event) {
    tally.event(event);
    session.emit(event);
  },
});

/** One object per target that was built. */
const metadataOf = (outcomes: readonly TargetOutcome[]): Record<string, unknown> =>
  Object.fromEntries(
    outcomes.flatMap((outcome) => (outcome.type === 'built' ? [[outcome.target.name, buildMetadata(outcome.outcome)]] : [])),
  );

function parallelOf(args: ParsedArgs): number {
  const text = args.values.get('parallel');
  if (text === undefined) return availableParallelism();
  if (!/^[1-9]\d{0,3}$/.test(text)) throw usageError('bake', `--parallel is a number from 1, got ${JSON.stringify(text)}`);
  return Number(text);
}

/** buildx's `fs=` entitlements guard files against a remote builder; here the user who builds reads them anyway. */
function allowedOf(args: ParsedArgs): readonly string[] {
  const allowed = listOf(args, 'allow').flatMap((item) => item.split(','));
  const unknown = allowed.find((item) => item !== 'network.host' && item !== 'security.insecure');
  if (unknown !== undefined) throw usageError('bake', `--allow knows network.host and security.insecure, not ${JSON.stringify(unknown)}`);
  return allowed;
}
