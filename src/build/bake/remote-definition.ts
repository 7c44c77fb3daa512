// `tsbuild bake URL [TARGET…]`: definition files from a git repository or an archive, which is then also the
// context of targets that have a path in it, or one definition file.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import type { Bytes } from '../../context/archive-stream.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isGitContext, remoteContexts } from '../remote/remote-contexts.ts';
import { RemoteSources } from '../remote/remote-sources.ts';
import type { Session } from '../session.ts';

export interface RemoteDefinition {
  /** As typed. */
  readonly url: string;
  /** The checkout, or the archive unpacked; null when the URL is a definition file. */
  readonly directory: string | null;
  /** The definition file. */
  readonly text?: string;
  /** Removes what was unpacked. */
  close(): void;
}

/** As buildx's. */
const LARGEST_FILE = 512 * 1024;

/** The URL of a remote definition, or null when the first argument is the name of a target. */
export const remoteUrl = (argument: string | undefined): string | null =>
  argument !== undefined && (isGitContext(argument) || /^https?:\/\//.test(argument)) ? argument : null;

/** Throws 'build/git' or 'build/http' when it cannot be fetched, and 'bake/remote' when it is no definition. */
export async function fetchDefinition(session: Session, url: string): Promise<RemoteDefinition> {
  const sources = new RemoteSources(session, { secrets: {}, ssh: {} });
  try {
    const contexts = remoteContexts(session, { buildArgs: {} }, sources);
    if (isGitContext(url)) return { url, directory: await contexts.checkout(url, ''), close() {} };
    return await fromDownload(url, await contexts.download(url));
  } finally {
    await sources.close();
  }
}

async function fromDownload(url: string, download: Bytes): Promise<RemoteDefinition> {
  const [{ decompress, peekStream }, { unpackContext }] = await Promise.all([
    import('../../context/archive-stream.ts'),
    import('../../context/unpack-context.ts'),
  ]);
  const { kind, bytes } = await peekStream(download);
  if (kind === 'text') return { url, directory: null, text: await textOf(url, bytes), close() {} };
  const directory = mkdtempSync(join(tmpdir(), 'tsbuild-bake-'));
  const close = (): void => rmSync(directory, { recursive: true, force: true });
  try {
    await unpackContext(decompress(kind, bytes), directory);
  } catch (error) {
    close();
    throw error;
  }
  return { url, directory, close };
}

async function textOf(url: string, bytes: Bytes): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > LARGEST_FILE)
      throw new TsbuildError({
        code: 'bake/remote',
        message: `${url} is too large for a definition file`,
        hint: 'it may have 512 KiB; a larger one can be in an archive or a repository',
      });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Path of a file that came with the definition; links that lead out of it are refused. Throws ENOENT errors as they are. */
export function definitionPath(url: string, directory: string, name: string): string {
  const root = realpathSync(directory);
  const path = realpathSync(join(root, name));
  if (path === root || path.startsWith(`${root}/`)) return path;
  throw new TsbuildError({ code: 'bake/remote', message: `${name} of ${url} leads out of it` });
}

/** The target with paths of the definition where they really are; those of a file, and `cwd://`, are of this machine. */
export function remoteTarget(target: BakeTarget, remote: RemoteDefinition): BakeTarget {
  const { directory, url } = remote;
  if (directory === null) return target;
  const place = (source: string): string => {
    if (/^[a-z][a-z0-9+.-]*:\/\/|^git@|^github\.com\/|^\//.test(source) || linkedName(source) !== null) return source;
    return isGitContext(url) ? inRepository(source, url) : inArchive(source, url, directory);
  };
  const contexts = [...(target.contexts ?? [])].map(([name, source]) => [name, place(source)] as const);
  return {
    ...target,
    context: place(target.context),
    ...(contexts.length === 0 ? {} : { contexts: new Map(contexts) }),
  };
}

/** The archive itself, or a directory of what was unpacked. */
function inArchive(source: string, url: string, directory: string): string {
  const path = posix.join('/', source).slice(1);
  if (path === '') return url;
  try {
    return definitionPath(url, directory, path);
  } catch (error) {
    if (error instanceof TsbuildError) throw error;
    // Whoever opens the context says that it is not there.
    return join(directory, path);
  }
}

function inRepository(source: string, url: string): string {
  const hash = url.indexOf('#');
  const [repository, fragment] = hash === -1 ? [url, ''] : [url.slice(0, hash), url.slice(hash + 1)];
  const [ref = '', base = ''] = fragment.split(':');
  const path = posix.join('/', base, posix.join('/', source)).slice(1);
  return ref === '' && path === '' ? repository : `${repository}#${ref}${path === '' ? '' : `:${path.replace(/\/$/, '')}`}`;
}
