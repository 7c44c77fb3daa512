import type { CodeInfo } from '../codes.ts';

export const CLI_ERRORS = {
  'cli/usage': {
    title: 'Wrong usage',
    explanation: 'A flag or argument is unknown, missing or malformed. `tsbuild COMMAND --help` lists what a command takes.',
  },
} as const satisfies Record<`cli/${string}`, CodeInfo>;
