import type { CodeInfo } from '../codes.ts';

export const CLI_ERRORS = {
  'cli/output': {
    title: 'Output lost',
    explanation: 'The result could not be written to standard output, for example because the disk that a file is on is full.',
  },
  'cli/usage': {
    title: 'Wrong usage',
    explanation: 'A flag or argument is unknown, missing or malformed. `tsbuild COMMAND --help` lists what a command takes.',
  },
} as const satisfies Record<`cli/${string}`, CodeInfo>;
