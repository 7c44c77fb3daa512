// `tsbuild [build]`: one image (or index) from one Dockerfile.
import type { BuildOutcome, BuildRequest } from '../../build/request/build-request.ts';
import { runBuild } from '../../build/run-build.ts';
import { buildMetadata, checkResultPath, removeResult, writeMetadata, writeResult } from '../build-metadata.ts';
import { buildRequestOf } from '../build-options.ts';
import type { Call } from '../call/parse-call.ts';
import { EXIT_OK } from '../exit-code.ts';
import { isOn, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { reportDiagnostics } from '../report-error.ts';
import { LentTerminal } from '../user-terminal.ts';
import type { Cli, RunCommand } from './command.ts';
import { isolationOption, withProgress, withSession } from './session.ts';

export const run: RunCommand = async (args, cli) => {
  const terminal = new LentTerminal();
  const request = buildRequestOf(args, cli, terminal);
  const call = args.values.has('call') || args.values.has('format') || isOn(args, 'check');
  if (call) {
    const { callOf } = await import('../call/parse-call.ts');
    const asked = callOf(args, 'build');
    if (asked !== null) return answer(asked, args, request, cli);
  }
  const quiet = isOn(args, 'quiet');
  const iidfile = args.values.get('iidfile');
  const metadata = args.values.get('metadata-file');
  if (iidfile !== undefined) prepareIdFile(iidfile, request);
  if (metadata !== undefined) checkResultPath(metadata);
  const outcome = await withProgress(args, cli, (session, endProgress) => {
    terminal.beforeTaking(endProgress);
    return runBuild(session, request);
  });
  if (!quiet) reportDiagnostics(outcome.file, outcome.warnings, cli.stderr);
  writeResultFiles(outcome, iidfile, metadata);
  if (outcome.descriptor !== undefined && !usesStdout(request)) cli.print(`${outcome.descriptor.digest}\n`);
  return EXIT_OK;
};

/** --call and --check: nothing is built. */
async function answer(call: Call, args: ParsedArgs, request: BuildRequest, cli: Cli): Promise<number> {
  const { answerCall } = await import('../call/call.ts');
  const path = args.values.get('metadata-file');
  if (path !== undefined) checkResultPath(path);
  const { text, code, metadata } = await withSession(cli, isolationOption(args), (session) => answerCall(session, call, request, cli.cwd));
  if (path !== undefined) writeMetadata(path, await metadata());
  cli.print(text);
  return code;
}

const usesStdout = (request: BuildRequest): boolean => request.outputs.some((output) => 'dest' in output && output.dest === '-');

/** A build that fails leaves no digest of an earlier one behind. */
function prepareIdFile(path: string, { outputs }: BuildRequest): void {
  if (outputs.every(({ type }) => type === 'local' || type === 'tar'))
    throw usageError('build', '--iidfile: outputs of type local and tar make no image', 'leave it out, or add --output type=image');
  checkResultPath(path);
  removeResult(path);
}

function writeResultFiles(outcome: BuildOutcome, iidfile: string | undefined, metadata: string | undefined): void {
  const digest = outcome.descriptor?.digest;
  if (iidfile !== undefined && digest !== undefined) writeResult(iidfile, digest);
  if (metadata !== undefined) writeMetadata(metadata, buildMetadata(outcome));
}
