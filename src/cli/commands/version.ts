// `tsbuild version`: of the program and of Node, which bug reports need.
import { readFileSync } from 'node:fs';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';

/** package.json is one folder above dist/ and two above src/cli/commands/. */
function packageVersion(): string {
  for (const up of ['../package.json', '../../../package.json']) {
    try {
      const parsed = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        readonly name?: string;
        readonly version?: string;
      };
      if (parsed.name === 'tsbuild' && parsed.version !== undefined) return parsed.version;
    } catch {
      // Not there: the other place has it.
    }
  }
  return 'unknown';
}

export const run: RunCommand = async (_args, cli) => {
  cli.print(`tsbuild ${packageVersion()}, Node ${process.version}\n`);
  return EXIT_OK;
};
