// `tsbuild debug`: a shell right before a step.
import { debugStep } from '../../build/debug/debug-step.ts';
import { buildRequestOf } from '../build-options.ts';
import { usageError } from '../flags/parse-argv.ts';
import { hasTerminal, LentTerminal } from '../user-terminal.ts';
import type { RunCommand } from './command.ts';
import { withProgress } from './session.ts';

/** The shell's exit code becomes ours. */
export const run: RunCommand = async (args, cli) => {
  const step = args.values.get('step');
  if (step === undefined || step === '') throw usageError('debug', '--step is missing', 'write --step N or --step NAME');
  if (!hasTerminal()) throw usageError('debug', 'a shell needs a terminal, and stdin or stdout is none');
  const terminal = new LentTerminal();
  const request = buildRequestOf(args, cli);
  const result = await withProgress(args, cli, (session, endProgress) => {
    terminal.beforeTaking(endProgress);
    return debugStep(session, request, step, terminal);
  });
  return result.exitCode;
};
