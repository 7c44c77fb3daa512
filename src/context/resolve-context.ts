// From the words on the command line to a build context and its Dockerfile (K-01..K-03, K-08, K-11).
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { TsbuildError } from '../core/errors.ts';
import { pathToBytes } from '../core/path-bytes.ts';
import type { SourceFile } from '../core/span.ts';
import type { Bytes, StreamKind } from './archive-stream.ts';
import type { Ownership } from './directory-nodes.ts';
import { openLocalTree } from './local-tree.ts';
import { nearestNames } from './nearest-names.ts';
import { OpenDirectories, type OpenedDirectory } from './open-directories.ts';
import { readDockerfile, readStream, readText, readTextFile } from './read-dockerfile.ts';

/** Port: contexts that are not on this machine. */
export interface RemoteContexts {
  /** Whether the text names a git repository (`git://`, `….git#ref`, `user@host:path`, `github.com/…`). */
  isGit(spec: string): boolean;
  /** Checks the repository out into the empty directory `into`; returns the directory to build from. */
  checkout(spec: string, into: string): Promise<string>;
  download(url: string): Promise<Bytes>;
  /** Seconds since the epoch of what was fetched last; null when it has no time (Z-01). */
  time(): Promise<number | null>;
}

export interface ContextRequest {
  /** Directory, `-`, or URL, as typed. */
  readonly spec: string;
  /** Value of -f, as typed. */
  readonly dockerfile?: string;
  readonly workingDirectory: string;
  /** Called at most once. */
  readonly stdin: () => Bytes;
  /** Where a private directory may be made for a context that has to be unpacked. */
  readonly temporary: string;
  readonly remote?: RemoteContexts;
  /** What other builds of the same command have opened. */
  readonly directories?: OpenDirectories;
}

export interface ResolvedContext extends OpenedDirectory {
  readonly dockerfile: SourceFile;
  /** Owners that the files of the directory do not have themselves; pass them on to whoever opens it again. */
  readonly owners: ReadonlyMap<string, Ownership>;
  /** Removes what was unpacked; the tree is unusable afterwards. */
  close(): void;
}

/** Throws TsbuildErrors of `context/…`; nothing is left behind when it does. */
export async function resolveContext(request: ContextRequest): Promise<ResolvedContext> {
  const { spec, remote } = request;
  if (spec === '-') return fromStdin(request);
  const dir = resolve(request.workingDirectory, spec);
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() === true) return fromDirectory(request, dir);
  if (remote?.isGit(spec) === true) return withScratch(request, (root) => fromGit(request, remote, root));
  if (/^https?:\/\//.test(spec)) return fromBytes(request, await needRemote(request, spec).download(spec));
  throw missingContext(spec, dir);
}

/** What a context that is used in place adds to the opened directory. */
const nothingToClose = { owners: new Map<string, Ownership>(), close: (): void => {} };

async function fromDirectory(request: ContextRequest, dir: string): Promise<ResolvedContext> {
  const flag = request.dockerfile;
  const directories = request.directories ?? new OpenDirectories();
  const apart = flag === undefined ? null : await dockerfileApart(request, flag);
  if (apart !== null) return { ...directories.open(dir), ...nothingToClose, dockerfile: apart };
  const host = flag === undefined ? join(dir, 'Dockerfile') : resolve(request.workingDirectory, flag);
  if (/^\/(?:dev|proc)\//.test(host)) {
    return { ...directories.open(dir), ...nothingToClose, dockerfile: { name: host, text: readText(host, host) } };
  }
  const folder = dirname(host);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw missingDockerfile(flag ?? 'Dockerfile', `${folder} is not a directory`);
  if (flag !== undefined && !existsSync(host) && existsSync(join(dir, flag))) throw missingDockerfile(flag, `it is in ${request.spec}`);
  const found = readDockerfile(folder, basename(host), flag ?? join(request.spec, 'Dockerfile'));
  const own = `${found.path}.dockerignore`;
  const ownText = readTextFile(folder, own);
  const opened = directories.open(dir, ownText === null ? {} : { ignore: { name: own, text: ownText } });
  return { ...opened, ...nothingToClose, dockerfile: found.file };
}

async function fromStdin(request: ContextRequest): Promise<ResolvedContext> {
  if (request.dockerfile === '-') {
    throw new TsbuildError({
      code: 'context/ambiguous-stdin',
      message: 'stdin cannot be both the build context and the Dockerfile',
      hint: 'Give a directory as context, or put the Dockerfile into the archive.',
    });
  }
  return fromBytes(request, request.stdin());
}

/** An archive is unpacked; anything else is a Dockerfile, with nothing beside it. */
async function fromBytes(request: ContextRequest, source: Bytes): Promise<ResolvedContext> {
  // Loaded here: builds from a directory need neither streams nor tar.
  const { peekStream } = await import('./archive-stream.ts');
  const { kind, bytes } = await peekStream(source);
  if (kind === 'text' && request.spec === '-' && request.dockerfile !== undefined) {
    throw new TsbuildError({
      code: 'context/ambiguous-stdin',
      message: 'ambiguous Dockerfile source: both stdin and -f name a Dockerfile',
      hint: 'Leave out -f, or send an archive on stdin.',
    });
  }
  return withScratch(request, async (root) => {
    if (kind !== 'text') return fromArchive(request, kind, bytes, root);
    const text = await readStream(bytes);
    if (request.spec !== '-') keepDownload(root, text, (await request.remote?.time()) ?? 0);
    return { dir: root, owners: new Map(), dockerfile: { name: request.spec, text } };
  });
}

/** A Dockerfile behind a URL is itself the context, under the name and mode that Docker gives to downloads. */
function keepDownload(root: string, text: string, time: number): void {
  const path = join(root, 'context');
  writeFileSync(path, pathToBytes(text), { mode: 0o600 });
  utimesSync(path, time, time);
}

interface Unpacked {
  readonly dir: string;
  readonly owners: ReadonlyMap<string, Ownership>;
  readonly dockerfile: SourceFile;
}

async function fromArchive(request: ContextRequest, kind: Exclude<StreamKind, 'text'>, bytes: Bytes, root: string): Promise<Unpacked> {
  const [{ decompress }, { unpackContext }] = await Promise.all([import('./archive-stream.ts'), import('./unpack-context.ts')]);
  const owners = await unpackContext(decompress(kind, bytes), root);
  return { dir: root, owners, dockerfile: await dockerfileIn(request, root) };
}

async function fromGit(request: ContextRequest, remote: RemoteContexts, root: string): Promise<Unpacked> {
  const dir = await remote.checkout(request.spec, root);
  return { dir, owners: new Map(), dockerfile: await dockerfileIn(request, dir) };
}

/** The Dockerfile of a context that was fetched: a path inside it, unless it is given apart. */
async function dockerfileIn(request: ContextRequest, dir: string): Promise<SourceFile> {
  const path = request.dockerfile ?? 'Dockerfile';
  return (await dockerfileApart(request, path)) ?? readDockerfile(dir, path, path).file;
}

/** `-f -` and `-f URL`; null for a path. */
async function dockerfileApart(request: ContextRequest, flag: string): Promise<SourceFile | null> {
  if (flag === '-') return { name: '-', text: await readStream(request.stdin()) };
  if (!/^https?:\/\//.test(flag)) return null;
  return { name: flag, text: await readStream(await needRemote(request, flag).download(flag)) };
}

/** Runs `fill` on a new private directory and opens the result without ignore rules (K-03). */
async function withScratch(request: ContextRequest, fill: (root: string) => Promise<Unpacked>): Promise<ResolvedContext> {
  mkdirSync(request.temporary, { recursive: true, mode: 0o700 });
  const scratch = mkdtempSync(join(request.temporary, 'context-'));
  const close = (): void => rmSync(scratch, { recursive: true, force: true });
  try {
    const root = join(scratch, 'root');
    mkdirSync(root, 0o755);
    const { dir, owners, dockerfile } = await fill(root);
    const ignore = { name: '.dockerignore', text: '' };
    return { tree: openLocalTree(dir, { owners }), ignore, rules: [], diagnostics: [], owners, dockerfile, close };
  } catch (error) {
    close();
    throw error;
  }
}

function needRemote(request: ContextRequest, url: string): RemoteContexts {
  if (request.remote !== undefined) return request.remote;
  throw new TsbuildError({
    code: 'context/not-found',
    message: `${JSON.stringify(url)} is remote, and this build may not use the network`,
  });
}

function missingContext(spec: string, dir: string): TsbuildError {
  if (existsSync(dir))
    return new TsbuildError({
      code: 'context/not-found',
      message: `build context ${JSON.stringify(spec)} is a file, not a directory`,
      hint: 'Give the directory, and the Dockerfile with -f; or send the file on stdin, with - as context.',
      data: { path: dir },
    });
  const parent = dirname(dir);
  const names = statSync(parent, { throwIfNoEntry: false })?.isDirectory() === true ? openLocalTree(parent).readdir('') : [];
  const near = nearestNames(basename(dir), names);
  return new TsbuildError({
    code: 'context/not-found',
    message: `build context ${JSON.stringify(spec)} is not a directory`,
    hint:
      near.length > 0
        ? `Did you mean ${near.join(' or ')}?`
        : 'Give a directory, a URL, or - to read an archive or a Dockerfile from stdin.',
    data: { path: dir },
  });
}

const missingDockerfile = (shown: string, why: string): TsbuildError =>
  new TsbuildError({
    code: 'context/dockerfile-not-found',
    message: `no Dockerfile at ${JSON.stringify(shown)}: ${why}`,
    hint: 'A path given with -f is relative to the working directory, not to the context.',
    data: { path: shown },
  });
