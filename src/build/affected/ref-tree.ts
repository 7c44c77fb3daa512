// A commit as the build would see its checkout: trees of its directories under ignore rules, and whether a
// file of the work tree is the one that the commit has.

import { childOf } from '../../context/clean-path.ts';
import { BUFFER_SIZE, gitBlobScheme, hashFile } from '../../context/hash-file.ts';
import type { SourceTree } from '../../context/source-tree.ts';
import { InvariantError } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { pathFromBytes } from '../../core/path-bytes.ts';
import type { CheckoutModes } from './checkout-modes.ts';
import type { CheckoutRule } from './checkout-rules.ts';
import { type RefFile, type RefListing, readBlobs } from './ref-listing.ts';

export class RefTree {
  readonly listing: RefListing;
  /** The top of the work tree. */
  readonly root: SourceTree;
  readonly #modes: CheckoutModes;
  readonly #rules: ReadonlyMap<RefFile, CheckoutRule>;
  readonly #buffer = Buffer.allocUnsafe(BUFFER_SIZE);
  /** Blob ids of host files; null for one that cannot be read. */
  readonly #ids = new Map<string, string | null>();

  readonly #texts = new Map<string, Promise<string>>();

  constructor(listing: RefListing, modes: CheckoutModes, rules: ReadonlyMap<RefFile, CheckoutRule>) {
    this.listing = listing;
    this.#modes = modes;
    this.#rules = rules;
    this.root = this.#open('');
  }

  /** The directory `path` below the top, or null when the commit has none there. */
  directory(path: string): SourceTree | null {
    return this.listing.directories.has(path) ? this.#open(path) : null;
  }

  #open(top: string): SourceTree {
    return {
      lstat: (path) => this.#entry(top, path),
      readdir: (path) => this.listing.directories.get(within(top, path)) ?? [],
      hostPath: () => {
        throw new InvariantError('files of a commit are not on disk');
      },
    };
  }

  /** Whether `host`, a regular file, has the content that the file has in a checkout. */
  sameContent(file: RefFile, host: string): boolean {
    if (file.oid === null) return true;
    const algorithm = file.repository.tree.objectFormat;
    const id = this.#id(host, algorithm);
    if (id === null) return false;
    const rule = this.#rules.get(file);
    if (rule?.type === 'converted') return id === this.#id(rule.host, algorithm);
    if (id === file.oid) return true;
    return rule?.type === 'pointer' && this.#sha256(host) === rule.sha256;
  }

  /** Content of a file; '' for one of which git does not know it. */
  text(file: RefFile): Promise<string> {
    const { oid, repository } = file;
    if (oid === null) return Promise.resolve('');
    const known = this.#texts.get(oid);
    if (known !== undefined) return known;
    const text = readBlobs(repository.tree, [oid]).then((blobs) => pathFromBytes(blobs.get(oid) ?? Buffer.alloc(0)));
    this.#texts.set(oid, text);
    return text;
  }

  #id(host: string, algorithm: 'sha1' | 'sha256'): string | null {
    const known = this.#ids.get(host);
    if (known !== undefined) return known;
    const result = hashFile(host, this.#buffer, gitBlobScheme(algorithm));
    const id = 'errno' in result ? null : result.sha256;
    this.#ids.set(host, id);
    return id;
  }

  #sha256(host: string): string | null {
    const result = hashFile(host, this.#buffer);
    return 'errno' in result ? null : result.sha256;
  }

  #entry(top: string, below: string): FileEntry | null {
    const path = within(top, below);
    const entry = { path: below, uid: 0, gid: 0, size: 0, mtime: 0 };
    if (this.listing.directories.has(path)) return { ...entry, type: 'dir', mode: this.#modes.directory };
    const file = this.listing.files.get(path);
    if (file === undefined) return null;
    if (file.type === 'symlink') return { ...entry, type: 'symlink', mode: 0o777, link: file.link ?? '' };
    return { ...entry, type: 'file', mode: file.executable ? this.#modes.executable : this.#modes.file };
  }
}

/** `below` the directory `top`, both '' for the root. */
export const within = (top: string, below: string): string => (below === '' ? top : childOf(top, below));
