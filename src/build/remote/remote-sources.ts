// Sources that are not on this machine, as the rest of the build sees them: a content key, a tree of
// files, or one file for ADD. Everything is fetched at most once per build and only when asked for.
import { chmodSync, copyFileSync, constants as fsConstants, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from '../../cache/make-directory.ts';
import { TEMP_DIR } from '../../cache/store-layout.ts';
import { type LocalTree, openLocalTree } from '../../context/local-tree.ts';
import { canonicalJson } from '../../core/canonical.ts';
import { type ContentKey, contentKeyOf, hexOf } from '../../core/digest.ts';
import { InvariantError } from '../../core/errors.ts';
import type { CopyInput } from '../../executor/copy/plan-copy.ts';
import type { GitOp, HttpOp } from '../../graph/op.ts';
import type { Vertex, VertexId } from '../../graph/vertex.ts';
import { asVertex } from '../as-vertex.ts';
import type { BuildRequest } from '../request/build-request.ts';
import type { Session } from '../session.ts';
import { SharedTask } from '../shared-task.ts';
import type { GitTransport } from './git/git-remote.ts';
import type { GitSources, Repositories } from './git/git-sources.ts';
import type { HttpFile, HttpFiles } from './http/http-files.ts';

export type RemoteRequest = Pick<BuildRequest, 'secrets' | 'ssh'>;

/** What builds of one command ask of the network, by question and by what they may answer with. */
export type RemoteTasks = Map<string, SharedTask<unknown>>;

export interface SharedSources {
  readonly trusted: Set<string>;
  readonly repositories: Repositories;
  readonly tasks: RemoteTasks;
}

/** Mode of downloads (D-05). */
const FILE_MODE = 0o600;

export class RemoteSources {
  readonly #session: Session;
  readonly #request: RemoteRequest;
  readonly #shared: SharedSources;
  readonly #contents = new Map<VertexId, Promise<ContentKey>>();
  readonly #trees = new Map<VertexId, Promise<LocalTree>>();
  readonly #temporary: string[] = [];
  readonly #shown = new Set<string>();
  #git: Promise<GitSources> | null = null;
  #http: Promise<HttpFiles> | null = null;

  /** `tasks`: with other builds of the same command. */
  constructor(
    session: Session,
    request: RemoteRequest,
    { trusted = new Set(), repositories = new Map(), tasks = new Map() }: Partial<SharedSources> = {},
  ) {
    this.#session = session;
    this.#request = request;
    this.#shared = { trusted, repositories, tasks };
  }

  /** The same sources under a session that may end earlier; refs mean what they meant before. */
  within(session: Session): RemoteSources {
    return new RemoteSources(session, this.#request, this.#shared);
  }

  /** The command line names this repository, so it may be local. */
  trust(url: string): void {
    this.#shared.trusted.add(url);
  }

  /** What a download or checkout adds to keys (D-08, D-16). */
  content(vertex: Vertex): Promise<ContentKey> {
    const known = this.#contents.get(vertex.id);
    if (known !== undefined) return known;
    const content = this.#content(vertex);
    this.#contents.set(vertex.id, content);
    return content;
  }

  /** The checkout, or a directory with nothing but the download. */
  tree(vertex: Vertex): Promise<LocalTree> {
    const known = this.#trees.get(vertex.id);
    if (known !== undefined) return known;
    const { op } = vertex;
    const tree = op.type === 'git' ? this.#checkout(vertex, op) : this.#fileTree(vertex);
    this.#trees.set(vertex.id, tree);
    return tree;
  }

  /** The download as a source of ADD. */
  async file(vertex: Vertex): Promise<CopyInput> {
    const file = await this.#download(vertex);
    const { nameOfUrl } = await import('./http/http-name.ts');
    const hostPath = this.#session.blobs.path(file.digest);
    return { type: 'file', name: nameOfUrl(file.url), hostPath, mode: FILE_MODE, size: file.size, mtime: file.mtime };
  }

  async git(): Promise<GitSources> {
    this.#git ??= import('./git/git-sources.ts').then(
      ({ GitSources: Sources }) => new Sources(this.#session, this.#request, this.#shared.repositories),
    );
    return this.#git;
  }

  async http(): Promise<HttpFiles> {
    this.#http ??= import('./http/http-files.ts').then(({ HttpFiles: Files }) => new Files(this.#session, this.#request.secrets));
    return this.#http;
  }

  async allowed(url: string): Promise<ReadonlySet<GitTransport>> {
    const { IN_DOCKERFILE, TOP_LEVEL } = await import('./git/git-remote.ts');
    return this.#shared.trusted.has(url) ? TOP_LEVEL : IN_DOCKERFILE;
  }

  async close(): Promise<void> {
    for (const path of this.#temporary.splice(0)) rmSync(path, { recursive: true, force: true });
    const http = this.#http;
    this.#http = null;
    if (http !== null) (await http).close();
  }

  async #content(vertex: Vertex): Promise<ContentKey> {
    const { op } = vertex;
    if (op.type === 'git') return this.#gitContent(vertex, op);
    const { nameOfUrl, parseHttpUrl } = await import('./http/http-name.ts');
    const { url, checksum } = httpOp(vertex);
    const name = nameOfUrl(parseHttpUrl(url));
    // What the user vouches for need not be asked about. Times do not enter, as with every other file.
    const digest = checksum?.startsWith('sha256:') === true ? checksum : (await this.#download(vertex)).digest;
    return contentKeyOf(canonicalJson({ digest, name, mode: FILE_MODE }));
  }

  async #gitContent(vertex: Vertex, op: GitOp): Promise<ContentKey> {
    const { subdir = '', keepGitDir, submodules, commitTime = false } = op;
    const commit = await this.#reported(
      vertex,
      '',
      async () => {
        const allowed = await this.allowed(op.url);
        return this.#once(['commit', op, [...allowed]], async () => (await this.git()).commit(op, allowed));
      },
      () => true,
    );
    return contentKeyOf(canonicalJson({ commit, subdir: join('/', subdir), keepGitDir, submodules, commitTime }));
  }

  async #checkout(vertex: Vertex, op: GitOp): Promise<LocalTree> {
    const allowed = await this.allowed(op.url);
    const checkout = (): Promise<string> =>
      this.#once(['checkout', op, [...allowed]], async () => (await this.git()).directory(op, allowed));
    const directory = await this.#reported(vertex, ' (checkout)', checkout, () => false);
    return openLocalTree(directory, { label: 'the repository' });
  }

  async #download(vertex: Vertex): Promise<HttpFile> {
    const { url, checksum } = httpOp(vertex);
    return this.#reported(
      vertex,
      '',
      () => this.#once(['download', url, checksum], async () => (await this.http()).get(url, checksum)),
      (fetched) => fetched.known,
    );
  }

  /** One build asks for all that may show the same credentials. */
  #once<T>(question: readonly unknown[], ask: () => Promise<T>): Promise<T> {
    const { tasks } = this.#shared;
    const { secrets, ssh } = this.#request;
    const key = JSON.stringify([question, secrets, ssh]);
    const task = (tasks.get(key) ?? new SharedTask<T>()) as SharedTask<T>;
    tasks.set(key, task);
    return task.join(this.#session.signal, ask);
  }

  async #fileTree(vertex: Vertex): Promise<LocalTree> {
    const { blobs, root } = this.#session;
    const file = await this.#download(vertex);
    const { nameOfDownload } = await import('./http/http-name.ts');
    const name = nameOfDownload(file.url, file.disposition);
    makeDirectory(join(root, TEMP_DIR));
    const scratch = mkdtempSync(join(root, TEMP_DIR, 'http-'));
    this.#temporary.push(scratch);
    const directory = join(scratch, 'root');
    mkdirSync(directory);
    chmodSync(directory, 0o755);
    const path = join(directory, name);
    copyFileSync(blobs.path(file.digest), path, fsConstants.COPYFILE_FICLONE);
    chmodSync(path, FILE_MODE);
    utimesSync(path, file.mtime, file.mtime);
    const tree = openLocalTree(directory, { label: 'the download' });
    tree.setContent(name, file.size, hexOf(file.digest));
    return tree;
  }

  /** Shows the work as a step of its own, once. */
  #reported<T>(vertex: Vertex, suffix: string, work: () => Promise<T>, cached: (result: T) => boolean): Promise<T> {
    const info = { id: `${vertex.id}${suffix}`, name: `${vertex.meta.label}${suffix}`, stage: vertex.meta.stage };
    if (this.#shown.has(info.id)) return work();
    this.#shown.add(info.id);
    return asVertex(this.#session, info, work, cached);
  }
}

function httpOp({ op }: Vertex): HttpOp {
  if (op.type !== 'http') throw new InvariantError(`${op.type} is not a download`);
  return op;
}
