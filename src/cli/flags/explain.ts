// Flags of `tsbuild explain`.
import type { CommandSpec } from './flag.ts';

export const EXPLAIN_COMMAND: CommandSpec = {
  name: 'explain',
  summary: 'Say what the code of an error or the name of a build check means',
  usage: '[CODE]',
  flags: [],
  min: 0,
  max: 1,
  examples: ['tsbuild explain plan/undefined-var', 'tsbuild explain UndefinedVar'],
};
