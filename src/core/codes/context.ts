import type { CodeInfo } from '../codes.ts';

export const CONTEXT_DIAGNOSTICS = {} as const satisfies Record<`context/${string}`, CodeInfo>;

export const CONTEXT_ERRORS = {
  'context/not-found': {
    title: 'Build context not found',
    explanation: 'The path given as build context does not exist or is not a directory. Pass a directory, `-` for stdin, or a tar archive.',
  },
} as const satisfies Record<`context/${string}`, CodeInfo>;
