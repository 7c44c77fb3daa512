import type { CodeInfo } from '../codes.ts';

export const EXEC_ERRORS = {
  'exec/nonzero-exit': {
    title: 'Step failed',
    explanation: 'The command of a RUN instruction ended with a non-zero exit code. Its last output lines are shown above.',
  },
} as const satisfies Record<`exec/${string}`, CodeInfo>;
