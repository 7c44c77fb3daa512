// Flags of `tsbuild cache`: cache mounts of the store.
import type { CommandSpec } from './flag.ts';

export const CACHE_COMMAND: CommandSpec = {
  name: 'cache',
  summary: 'List, measure or remove cache mounts (RUN --mount=type=cache)',
  usage: 'ls|du|rm [ID|KEY…]',
  flags: [
    { name: 'all', short: 'a', kind: 'switch', help: 'With rm: every cache mount' },
    { name: 'format', kind: 'value', placeholder: 'FORMAT', choices: ['table', 'json'], help: 'table (default) or json' },
    { name: 'quiet', short: 'q', kind: 'switch', help: 'With ls: ids only' },
  ],
  min: 1,
  max: Infinity,
  examples: ['tsbuild cache ls', 'tsbuild cache rm npm', 'tsbuild cache rm --all'],
};
