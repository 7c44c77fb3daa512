// `tsbuild verify`: fails when anything damaged is left.
import { verifyStore } from '../../build/store-care.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import { isOn } from '../flags/flag.ts';
import type { RunCommand } from './command.ts';
import { noteTo } from './session.ts';

export const run: RunCommand = async (args, cli) => {
  const repair = isOn(args, 'repair');
  const problems = await verifyStore(cli.root, { repair, deep: isOn(args, 'deep'), signal: cli.signal, onNotice: noteTo(cli) });
  for (const problem of problems) cli.print(`${problem.type} ${problem.id}: ${problem.message}${problem.repaired ? ' (repaired)' : ''}\n`);
  const left = problems.filter((problem) => !problem.repaired).length;
  cli.print(problems.length === 0 ? 'the store is sound\n' : `${problems.length} problems, ${left} left\n`);
  if (left > 0 && !repair) cli.stderr.write("hint: 'tsbuild verify --repair' removes what is damaged\n");
  return left === 0 ? EXIT_OK : EXIT_FAILED;
};
