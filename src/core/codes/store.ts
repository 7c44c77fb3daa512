import type { CodeInfo } from '../codes.ts';

export const STORE_ERRORS = {
  'store/bad-digest': {
    title: 'Malformed digest',
    explanation:
      'A digest from a registry, archive or record is not sha256 followed by 64 hex digits. It is refused before it can name a file or URL.',
  },
} as const satisfies Record<`store/${string}`, CodeInfo>;
