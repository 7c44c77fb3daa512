import type { CodeInfo } from '../codes.ts';

export const STORE_ERRORS = {
  'store/bad-digest': {
    title: 'Malformed digest',
    explanation:
      'A digest from a registry, archive or record is not sha256 followed by 64 hex digits. It is refused before it can name a file or URL.',
  },
  'store/corrupt-blob': {
    title: 'Stored blob is damaged',
    explanation:
      'The bytes of a blob in the store no longer hash to its name: the disk or file system lost or changed data. The damaged file is removed when it is found, so running the command again makes or fetches it anew.',
  },
  'store/missing-blob': {
    title: 'Blob is not in the store',
    explanation:
      'Something refers to a blob whose file is gone, for example because it was pruned or deleted by hand. Run the command again; `tsbuild verify --repair` drops the references that lead nowhere.',
  },
  'store/digest-mismatch': {
    title: 'Content does not match its digest',
    explanation:
      'Bytes that came from a registry, an archive or a step hash to another digest, or have another size, than was promised for them. They were thrown away; nothing of them is in the store.',
  },
  'store/blob-too-large': {
    title: 'Blob is too large for its purpose',
    explanation:
      'A manifest, index or config is larger than any honest one. It was not read, because documents of that size exhaust memory instead of describing images.',
  },
  'store/disk-full': {
    title: 'No space left for the store',
    explanation:
      'The file system of the store, or the quota on it, is full. `tsbuild prune` frees space; --root or TSBUILD_ROOT moves the store to another file system. The half-written file was removed.',
  },
  'store/not-writable': {
    title: 'Store is not writable',
    explanation:
      'A directory of the store cannot be written by this user, or lies on a read-only file system. Correct its owner, or choose another place with --root or TSBUILD_ROOT.',
  },
  'store/index-busy': {
    title: 'Index is locked by another process',
    explanation:
      'Another process kept the write lock of the store index for ten seconds. Writes take milliseconds, so that process is stopped, or the file system does not do locking.',
  },
  'store/io': {
    title: 'Reading or writing the store failed',
    explanation: 'The operating system refused an operation on a file of the store. The message holds the path and its reason.',
  },
} as const satisfies Record<`store/${string}`, CodeInfo>;
