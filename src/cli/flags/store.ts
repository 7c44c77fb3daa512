// Commands about the store and archives.
import type { CommandSpec } from './flag.ts';

export const SAVE_COMMAND: CommandSpec = {
  name: 'save',
  summary: 'Write images to an archive',
  usage: 'IMAGE…',
  flags: [
    { name: 'output', short: 'o', kind: 'value', placeholder: 'FILE', help: 'File to write (default: stdout)' },
    {
      name: 'format',
      kind: 'value',
      placeholder: 'FORMAT',
      choices: ['docker', 'oci'],
      help: 'docker (default; docker load reads it) or oci',
    },
  ],
  min: 1,
  max: Infinity,
};

export const LOAD_COMMAND: CommandSpec = {
  name: 'load',
  summary: 'Read images from a docker or OCI archive',
  usage: '',
  flags: [{ name: 'input', short: 'i', kind: 'value', placeholder: 'FILE', help: 'File to read (default: stdin)' }],
  min: 0,
  max: 0,
};

export const DU_COMMAND: CommandSpec = {
  name: 'du',
  summary: 'Show what the store holds and what prune would free',
  usage: '',
  flags: [
    { name: 'verbose', short: 'v', kind: 'switch', help: 'List every item' },
    { name: 'format', kind: 'value', placeholder: 'FORMAT', choices: ['table', 'json'], help: 'table (default) or json' },
  ],
  min: 0,
  max: 0,
};

export const PRUNE_COMMAND: CommandSpec = {
  name: 'prune',
  summary: 'Free space: cache that no image uses, least recently used first',
  usage: '',
  flags: [
    { name: 'all', short: 'a', kind: 'switch', help: 'Also cache that tagged images use; only the images themselves stay' },
    { name: 'max-size', kind: 'value', placeholder: 'BYTES', help: 'Keep the store below this size (10g)' },
    { name: 'keep', kind: 'value', placeholder: 'BYTES', help: 'With --max-size: stop once the store is this small' },
    { name: 'filter', kind: 'list', placeholder: 'KEY=VALUE', help: 'until=24h, type=blob|snapshot|toc|cache-mount|git|temp' },
    { name: 'dry-run', kind: 'switch', help: 'Say what would go, remove nothing' },
    { name: 'force', short: 'f', kind: 'switch', help: 'Accepted for habit: nothing is asked' },
  ],
  min: 0,
  max: 0,
};

export const VERIFY_COMMAND: CommandSpec = {
  name: 'verify',
  summary: 'Check every blob, record and unpacked layer of the store',
  usage: '',
  flags: [
    { name: 'deep', kind: 'switch', help: 'Also read every file of every unpacked layer' },
    { name: 'repair', kind: 'switch', help: 'Remove what is damaged, so that the next build makes it anew' },
  ],
  min: 0,
  max: 0,
};

export const DOCTOR_COMMAND: CommandSpec = {
  name: 'doctor',
  summary: 'Show what this host allows, what tsbuild will use, and what would improve it',
  usage: '',
  flags: [{ name: 'format', kind: 'value', placeholder: 'FORMAT', choices: ['table', 'json'], help: 'table (default) or json' }],
  min: 0,
  max: 0,
};
