// ADD of URLs: each URL is fetched once per build into the store, revalidated when it is there
// already (D-05…D-08, D-10), and offered to the copy as one file.

import { canonicalJson } from '../../core/canonical.ts';
import { type ContentKey, contentKeyOf, type Digest, parseDigest } from '../../core/digest.ts';
import { InvariantError, TsbuildError } from '../../core/errors.ts';
import type { CopyInput } from '../../executor/copy/plan-copy.ts';
import type { HttpOp } from '../../graph/op.ts';
import type { Vertex, VertexId } from '../../graph/vertex.ts';
import type { Session } from '../session.ts';
import { type Download, downloadFile } from './download.ts';

/** Mode of downloads (D-05). */
const MODE = 0o600;
const KEEP_MS = 30 * 24 * 3600 * 1000;

export interface RemoteFile extends Download {
  readonly content: ContentKey;
}

export class RemoteFiles {
  readonly #session: Session;
  readonly #files = new Map<VertexId, Promise<RemoteFile>>();

  constructor(session: Session) {
    this.#session = session;
  }

  get(vertex: Vertex): Promise<RemoteFile> {
    const known = this.#files.get(vertex.id);
    if (known !== undefined) return known;
    const file = this.#fetch(vertex);
    this.#files.set(vertex.id, file);
    return file;
  }

  async copyInput(vertex: Vertex): Promise<CopyInput> {
    const file = await this.get(vertex);
    return {
      type: 'file',
      name: file.name,
      hostPath: this.#session.blobs.path(file.digest),
      mode: MODE,
      size: file.size,
      mtime: file.mtime,
    };
  }

  async #fetch(vertex: Vertex): Promise<RemoteFile> {
    const { op } = vertex;
    if (op.type === 'git') {
      throw new TsbuildError({
        code: 'build/unsupported-source',
        message: `git repositories are not fetched: ${op.url}`,
        hint: 'clone it beside the context and pass it with --build-context NAME=DIR',
      });
    }
    if (op.type !== 'http') throw new InvariantError(`${op.type} is not a download`);
    const download = await this.#revalidated(op);
    checkSum(op, download.digest);
    const content = contentKeyOf(canonicalJson({ digest: download.digest, name: download.name, mode: MODE, mtime: download.mtime }));
    return { ...download, content };
  }

  async #revalidated(op: HttpOp): Promise<Download> {
    const { index, blobs } = this.#session;
    const name = `http ${op.url}`;
    const known = parseKnown(index.fact(name));
    const usable = known !== null && blobs.has(known.digest) ? known : null;
    const download = await downloadFile(this.#session, op.url, usable);
    if (download.etag !== undefined || download.lastModified !== undefined) index.setFact(name, JSON.stringify(download), KEEP_MS);
    return download;
  }
}

function parseKnown(text: string | null): Download | null {
  if (text === null) return null;
  try {
    const known = JSON.parse(text) as Download;
    return { ...known, digest: parseDigest(known.digest) };
  } catch {
    return null;
  }
}

function checkSum(op: HttpOp, digest: Digest): void {
  if (op.checksum === undefined || op.checksum === digest) return;
  throw new TsbuildError({
    code: 'build/download',
    message: `digest mismatch of ${op.url}: got ${digest}, expected ${op.checksum}`,
    hint: 'correct --checksum, or find out why the file changed',
  });
}
