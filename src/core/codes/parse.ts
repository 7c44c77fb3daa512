import type { CodeInfo } from '../codes.ts';

export const PARSE_DIAGNOSTICS = {
  'parse/unknown-instruction': {
    title: 'Unknown instruction',
    explanation: 'The first word of the line is not a Dockerfile instruction. Instructions are case-insensitive.',
  },
} as const satisfies Record<`parse/${string}`, CodeInfo>;
