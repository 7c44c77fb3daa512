// `tsbuild [build]`: one image (or index) from one Dockerfile.
import { writeFileSync } from 'node:fs';
import type { BuildOutcome, BuildRequest } from '../../build/build-request.ts';
import { runBuild } from '../../build/run-build.ts';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import { buildRequestOf } from '../build-options.ts';
import { EXIT_OK } from '../exit-code.ts';
import { isOn } from '../flags/flag.ts';
import { reportDiagnostics } from '../report-error.ts';
import { LentTerminal } from '../user-terminal.ts';
import type { RunCommand } from './command.ts';
import { withProgress } from './session.ts';

export const run: RunCommand = async (args, cli) => {
  const terminal = new LentTerminal();
  const request = buildRequestOf(args, cli, terminal);
  const call = args.values.has('call') || args.values.has('format') || isOn(args, 'check');
  if (call) {
    const { callOf, runCall } = await import('../call/call.ts');
    const asked = callOf(args);
    if (asked !== null) return runCall(asked, args, request, cli);
  }
  const quiet = isOn(args, 'quiet');
  const outcome = await withProgress(args, cli, (session, endProgress) => {
    terminal.beforeTaking(endProgress);
    return runBuild(session, request);
  });
  if (!quiet) reportDiagnostics(outcome.file, outcome.warnings, cli.stderr);
  writeResultFiles(outcome, args.values.get('iidfile'), args.values.get('metadata-file'));
  if (outcome.descriptor !== undefined && !usesStdout(request)) cli.print(`${outcome.descriptor.digest}\n`);
  return EXIT_OK;
};

const usesStdout = (request: BuildRequest): boolean => request.outputs.some((output) => 'dest' in output && output.dest === '-');

function writeResultFiles(outcome: BuildOutcome, iidfile: string | undefined, metadata: string | undefined): void {
  const digest = outcome.descriptor?.digest;
  if (iidfile !== undefined && digest !== undefined) writeResult(iidfile, digest);
  if (metadata !== undefined) writeResult(metadata, `${JSON.stringify(metadataOf(outcome), null, 2)}\n`);
}

/** The keys that buildx writes (T-05). */
function metadataOf(outcome: BuildOutcome): Record<string, unknown> {
  return {
    ...(outcome.configDigest === undefined ? {} : { 'containerimage.config.digest': outcome.configDigest }),
    ...(outcome.descriptor === undefined
      ? {}
      : { 'containerimage.descriptor': outcome.descriptor, 'containerimage.digest': outcome.descriptor.digest }),
    ...(outcome.names.length === 0 ? {} : { 'image.name': outcome.names.join(',') }),
  };
}

function writeResult(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new TsbuildError({ code: 'build/output', message: `cannot write ${path} (${errnoOf(cause) ?? 'unknown error'})`, cause });
  }
}
