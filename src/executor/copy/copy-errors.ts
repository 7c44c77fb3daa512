// Every way a COPY, ADD or WORKDIR can fail on the tree it works on. Messages name paths as the user
// wrote them (absolute in the image), never host paths below the store.
import { TsbuildError } from '../../core/errors.ts';

const shown = (path: string): string => JSON.stringify(`/${path}`);

export const fileOverDirectory = (path: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-file-over-directory',
    message: `cannot replace the directory ${shown(path)} with a file`,
    hint: 'choose another destination, or remove the directory in a RUN step first',
    data: { path },
  });

export const directoryOverFile = (path: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-directory-over-file',
    message: `cannot copy a directory to ${shown(path)}: it exists and is not a directory`,
    hint: 'links below the destination are not followed; choose another destination, or remove it in a RUN step first',
    data: { path },
  });

export const notADirectory = (path: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-not-a-directory',
    message: `cannot create a directory at ${shown(path)}: it exists and is not a directory`,
    hint: 'a destination that ends in / is a directory, and everything above a destination must be one',
    data: { path },
  });

export const nameTooLong = (name: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-name-too-long',
    message: `a file name is too long: ${JSON.stringify(`${name.slice(0, 40)}…`)}`,
    hint: 'names of files and directories have at most 255 bytes',
    data: { name },
  });

export const tooManyLinks = (path: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-link-loop',
    message: `too many symbolic links while resolving ${shown(path)}`,
    hint: 'a link in the image points back to itself',
    data: { path },
  });

export const noUserDatabase = (name: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-no-user-database',
    message: `cannot look up ${JSON.stringify(name)}: there is no image to read /etc/passwd from`,
    hint: 'on scratch and with --link use numbers, as in --chown=1000:1000',
    data: { name },
  });

export const unreadableUserDatabase = (path: string, why: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-user-database',
    message: `cannot look up users in ${shown(path)}: ${why}`,
    hint: 'use numbers, as in --chown=1000:1000',
    data: { path },
  });

export const badArchive = (name: string, why: string, cause?: unknown): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-archive',
    message: `cannot unpack ${JSON.stringify(name)}: ${why}`,
    hint: 'ADD unpacks local archives; use COPY or ADD --unpack=false to add the archive itself',
    ...(cause === undefined ? {} : { cause }),
    data: { name },
  });

export const badEntry = (name: string, why: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-archive-entry',
    message: `cannot unpack ${JSON.stringify(name)}: ${why}`,
    hint: 'repair the archive, or use COPY or ADD --unpack=false to add the archive itself',
    data: { name },
  });

export const missingDecompressor = (name: string, tool: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/copy-decompressor',
    message: `cannot unpack ${JSON.stringify(name)}: the program ${JSON.stringify(tool)} is not installed`,
    hint: `install ${tool}, or recompress the archive with gzip or zstd`,
    data: { name, tool },
  });
