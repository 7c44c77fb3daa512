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
  'context/dockerfile-not-found': {
    title: 'Dockerfile not found',
    explanation:
      'Without -f the Dockerfile is `Dockerfile` (or `dockerfile`) at the root of the context. A path given with -f is relative to the working directory; inside an archive or repository it is relative to its root. A link is followed only inside the directory it is in.',
  },
  'context/dockerfile-too-large': {
    title: 'Dockerfile too large',
    explanation: 'A Dockerfile may have at most 16 MiB. Very likely the path names another kind of file.',
  },
  'context/ambiguous-stdin': {
    title: 'Stdin has two meanings',
    explanation:
      'With `-` as context, stdin is an archive or the Dockerfile itself; with `-f -` it is the Dockerfile of a directory. Only one of them can be.',
  },
  'context/bad-archive': {
    title: 'Unusable context archive',
    explanation:
      'The archive given as build context is damaged, ends too early, holds names that point outside of it, or entries no context can have. Nothing of it was used.',
  },
  'context/no-decompressor': {
    title: 'No program to decompress with',
    explanation: 'Archives compressed with bzip2 or xz need the program of that name. Install it, or use gzip, zstd or no compression.',
  },
} as const satisfies Record<`context/${string}`, CodeInfo>;
