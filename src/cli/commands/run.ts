import { runImage } from '../../build/images/run-image.ts';
import { hostLine } from '../build-options.ts';
import { listOf } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { parseSize } from '../sizes.ts';
import type { RunCommand } from './command.ts';
import { wantedPlatform } from './platform.ts';
import { withSession } from './session.ts';

/** The command's own exit code becomes ours; 128 + N for a signal is what shells do and the sandbox reports. */
export const run: RunCommand = (args, cli) => {
  const [image = '', ...command] = args.positionals;
  const isolation = args.values.get('isolation');
  const memory = args.values.get('memory');
  const bytes = memory === undefined ? undefined : parseSize(memory);
  if (bytes === null) throw usageError('run', `--memory is not a size: ${JSON.stringify(memory)}`);
  const cpus = args.values.get('cpus');
  if (cpus !== undefined && !(Number(cpus) > 0)) throw usageError('run', `--cpus is not a number: ${JSON.stringify(cpus)}`);
  return withSession(cli, isolation === undefined ? {} : { isolation }, async (session) => {
    const result = await runImage(
      session,
      {
        image,
        command,
        env: listOf(args, 'env').flatMap((item) =>
          item.includes('=') ? [item] : cli.env[item] === undefined ? [] : [`${item}=${cli.env[item]}`],
        ),
        network: (args.values.get('network') ?? 'default') as 'default',
        addHosts: listOf(args, 'add-host').map((item) => hostLine(item, 'run')),
        platform: wantedPlatform(args),
        ...optional('entrypoint', args.values.get('entrypoint')),
        ...optional('user', args.values.get('user')),
        ...optional('workdir', args.values.get('workdir')),
        ...(bytes === undefined ? {} : { memory: bytes }),
        ...(cpus === undefined ? {} : { cpus: Number(cpus) }),
      },
      (stream, data) => {
        (stream === 'stdout' ? process.stdout : process.stderr).write(data);
      },
    );
    if (result.killedBy !== undefined) cli.stderr.write(`tsbuild: the command was killed (${result.killedBy})\n`);
    return result.exitCode;
  });
};

function optional<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: string });
}
