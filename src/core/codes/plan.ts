import type { CodeInfo } from '../codes.ts';

export const PLAN_DIAGNOSTICS = {
  'plan/undefined-stage': {
    title: 'Undefined stage',
    explanation: 'The named stage does not exist before this line. Stages must be defined above the place that uses them.',
  },
} as const satisfies Record<`plan/${string}`, CodeInfo>;

export const PLAN_ERRORS = {} as const satisfies Record<`plan/${string}`, CodeInfo>;
