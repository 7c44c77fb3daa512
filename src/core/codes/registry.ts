import type { CodeInfo } from '../codes.ts';

export const REGISTRY_ERRORS = {
  'registry/unreachable': {
    title: 'Registry unreachable',
    explanation:
      'No connection to the registry could be made. Check the host name, the network, proxy settings and mirrors in registries.conf.',
  },
} as const satisfies Record<`registry/${string}`, CodeInfo>;
