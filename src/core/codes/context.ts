import type { CodeInfo } from '../codes.ts';

export const CONTEXT_DIAGNOSTICS = {
  'context/bad-ignore-pattern': {
    title: 'Malformed ignore pattern',
    explanation:
      'A line of the ignore file is not a pattern: a "[" without "]", an unknown escape, or a "!" with nothing after it. Docker refuses such a file, and so does tsbuild.',
  },
} as const satisfies Record<`context/${string}`, CodeInfo>;

export const CONTEXT_ERRORS = {
  'context/not-found': {
    title: 'Build context not found',
    explanation: 'The path given as build context does not exist or is not a directory. Pass a directory, `-` for stdin, or a tar archive.',
  },
  'context/unreadable': {
    title: 'Context file unreadable',
    explanation:
      'A file or directory of the build context could not be read. Change its permissions, or leave it out with a line in .dockerignore.',
  },
  'context/changed': {
    title: 'Context changed during the build',
    explanation:
      'A file of the build context vanished, shrank or became something else while it was read, so no consistent copy of it exists. Stop the program that writes there, or ignore the file.',
  },
  'context/source-not-found': {
    title: 'Source not found',
    explanation:
      'A source of COPY or ADD names a file that is not in the context, stage or image it is taken from. Sources are relative to the root of the context; a line of .dockerignore may hide them. A wildcard may match nothing, a plain name may not be missing.',
  },
  'context/too-many-links': {
    title: 'Too many symbolic links',
    explanation: 'A path goes through more than 255 symbolic links, which usually means that links point at each other.',
  },
  'context/bad-pattern': {
    title: 'Malformed pattern',
    explanation:
      'A wildcard of COPY or ADD, or a value of --exclude, is not a pattern: a "[" without "]", a range without an end, or a backslash at the end.',
  },
} as const satisfies Record<`context/${string}`, CodeInfo>;
