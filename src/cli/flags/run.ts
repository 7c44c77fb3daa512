// Flags of `tsbuild run`, a subset of `docker run`.
import { ISOLATION_FLAG, PLATFORM_FLAG } from './common.ts';
import type { CommandSpec } from './flag.ts';
import { networkFlag } from './network.ts';

export const RUN_COMMAND: CommandSpec = {
  name: 'run',
  summary: 'Run a command in a container of an image; its changes are thrown away',
  usage: 'IMAGE [COMMAND…]',
  rest: true,
  flags: [
    {
      name: 'env',
      short: 'e',
      kind: 'list',
      placeholder: 'NAME[=VALUE]',
      help: 'Environment variable; without a value, from the environment',
    },
    { name: 'user', short: 'u', kind: 'value', placeholder: 'USER[:GROUP]', help: 'User the command runs as' },
    { name: 'workdir', short: 'w', kind: 'value', placeholder: 'DIR', help: 'Working directory' },
    { name: 'hostname', kind: 'value', placeholder: 'NAME', help: 'Host name, also in $HOSTNAME (default: random)' },
    { name: 'entrypoint', kind: 'value', placeholder: 'PROGRAM', help: "Instead of the image's ENTRYPOINT; '' removes it" },
    networkFlag('default, none or host'),
    { name: 'add-host', kind: 'list', placeholder: 'HOST:IP', help: 'Add a line to /etc/hosts' },
    { name: 'memory', short: 'm', kind: 'value', placeholder: 'BYTES', help: 'Memory limit (512m, 2g)' },
    { name: 'cpus', kind: 'value', placeholder: 'N', help: 'CPU limit (1.5)' },
    { name: 'rm', kind: 'switch', help: 'Accepted for habit: containers are always removed' },
    PLATFORM_FLAG,
    ISOLATION_FLAG,
    { name: 'ulimit', kind: 'list', placeholder: 'NAME=SOFT[:HARD]', help: 'Limit of the command' },
    { name: 'interactive', short: 'i', kind: 'switch', help: 'Send stdin to the command, and its end' },
    { name: 'tty', short: 't', kind: 'switch', help: 'Give the command a terminal; with -i, yours' },
    {
      name: 'volume',
      short: 'v',
      kind: 'list',
      placeholder: 'HOST:DEST[:ro]',
      help: 'Show a directory or file of this machine in the container',
    },
    {
      name: 'detach',
      short: 'd',
      kind: 'switch',
      help: 'Run in the background',
      refused: 'nothing outlives the command: there is no daemon',
    },
    { name: 'publish', short: 'p', kind: 'list', help: 'Ports', refused: 'ports are not published; use --network host' },
  ],
  min: 1,
  max: Infinity,
  examples: ['tsbuild run --rm myapp:1.0', 'tsbuild run -it -v ./src:/src:ro myapp:1.0 sh', 'tsbuild run -e DEBUG=1 myapp:1.0 sh -c "env"'],
};
