// Checks a whole store: every blob against its digest, every table of contents, every row that points
// somewhere. With `repair`, what is wrong and can be made again is removed.
import { createHash } from 'node:crypto';
import { createReadStream, lstatSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import {
  type ChainId,
  type DiffId,
  type Digest,
  extendChain,
  isDigest,
  parseChainId,
  parseDiffId,
  parseDigest,
} from '../../core/digest.ts';
import { errnoOf } from '../../core/errors.ts';
import { evictRecords } from '../evictions.ts';
import { openFsBlobStore } from '../fs-blob-store.ts';
import { openFsTocStore } from '../fs-toc-store.ts';
import { openSqliteIndex, type SqliteIndex, type SqliteIndexOptions } from '../sqlite-index.ts';
import { TEMP_DIR } from '../store-layout.ts';
import { oldestSession } from '../store-sessions.ts';
import { decodeToc } from '../toc-codec.ts';
import { dropLayerRows } from './index-rows.ts';
import { findReachable } from './reachable.ts';
import { type StoreItem, type StoreScan, scanStore } from './store-scan.ts';
import { removeTree } from './tree-size.ts';
import { faultOfTree } from './verify-trees.ts';

export interface StoreProblem {
  readonly type:
    | 'corrupt-blob'
    | 'corrupt-toc'
    | 'dangling-record'
    | 'incomplete-image'
    | 'lost-snapshot'
    | 'damaged-snapshot'
    | 'abandoned-snapshot'
    | 'abandoned-temp';
  /** What is wrong: a digest, diffID, key, image name or directory name. */
  readonly id: string;
  readonly message: string;
  /** Put right by this run. An incomplete image needs to be pulled or built again. */
  readonly repaired: boolean;
}

export interface VerifyOptions extends Pick<SqliteIndexOptions, 'onNotice'> {
  readonly repair?: boolean;
  /** Also reads every file of every unpacked layer. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
}

export async function verifyStore(root: string, options: VerifyOptions = {}): Promise<readonly StoreProblem[]> {
  const index = openSqliteIndex(root, { onNotice: options.onNotice });
  try {
    const problems: StoreProblem[] = [];
    const repair = options.repair === true;
    const report: Report = (type, id, message, fix) => {
      if (repair) fix?.();
      problems.push({ type, id, message, repaired: repair && fix !== undefined });
    };
    const scan = scanStore(root, index);
    // Asked after the scan: a build that began during it has trees and files there that are not finished yet.
    const check: StoreCheck = { root, index, scan, report, alone: oldestSession(root) === null };
    await checkBlobs(check, options.signal);
    checkTocs(check);
    checkLeftovers(check);
    await checkTrees(check, options.deep === true, options.signal);
    checkRecords(check);
    await checkImages(check);
    return problems;
  } finally {
    index.close();
  }
}

/** `fix` puts the problem right; without it, only the user can. */
type Report = (type: StoreProblem['type'], id: string, message: string, fix?: () => void) => void;

interface StoreCheck {
  readonly root: string;
  readonly index: SqliteIndex;
  readonly scan: StoreScan;
  readonly report: Report;
  /** No other command uses the store, so what is unfinished in it is abandoned. */
  readonly alone: boolean;
}

async function checkBlobs({ index, scan, report }: StoreCheck, signal?: AbortSignal): Promise<void> {
  for (const item of scan.items) {
    if (item.kind !== 'blob') continue;
    signal?.throwIfAborted();
    const digest = parseDigest(item.id);
    if (await hashesTo(item.path, digest)) continue;
    report('corrupt-blob', digest, 'its bytes have another digest', () => {
      dropLayerRows(index, digest, 'verify', Date.now());
      removeTree(item.path);
    });
  }
}

function checkTocs({ scan, report }: StoreCheck): void {
  for (const item of scan.items) {
    if (item.kind !== 'toc' || decodeToc(readOrEmpty(item.path)) !== null || isGone(item)) continue;
    report('corrupt-toc', item.id, 'the table of contents is damaged', () => removeTree(item.path));
  }
}

/** Trees, temporary files and rows that interrupted commands left. */
function checkLeftovers({ root, index, scan, report, alone }: StoreCheck): void {
  const named = namedTrees(index);
  for (const item of alone ? scan.items : []) {
    if (isGone(item)) continue;
    if (item.kind === 'snapshot' && item.chainId === undefined && !named.has(item.id)) {
      report('abandoned-snapshot', item.id, 'no layer has this tree; an interrupted build left it', () => {
        index.removeSnapshot(item.id);
        removeTree(item.path);
      });
    }
    // The log of a failed step, and what is left of a damaged index, are there to be looked at until prune takes them.
    if (item.kind === 'temp' && dirname(item.path) === join(root, TEMP_DIR))
      report('abandoned-temp', item.id, 'an interrupted command left it', () => removeTree(item.path));
  }
  for (const row of scan.lostSnapshots) {
    // A running build reserves the name first.
    if (row.chainId === null && !alone) continue;
    report('lost-snapshot', row.id, 'the index names a tree that is gone', () => index.removeSnapshot(row.id));
  }
}

function checkRecords({ root, index, report }: StoreCheck): void {
  const store = openFsBlobStore(root);
  for (const { key, blob } of index.db.all("SELECT key, json_extract(blob, '$.digest') AS blob FROM records WHERE json_valid(blob)")) {
    if (typeof blob === 'string' && isDigest(blob) && store.has(blob)) continue;
    report('dangling-record', String(key), `its layer ${String(blob)} is gone`, () =>
      index.transaction(() => evictRecords(index.db, 'key = ?', [String(key)], 'verify', Date.now())),
    );
  }
}

/** Trees whose layer is known and has a table of contents; they are made again from their blobs. */
async function checkTrees({ root, index, scan, report, alone }: StoreCheck, deep: boolean, signal?: AbortSignal): Promise<void> {
  const layers = await layersOfStacks(root, index);
  const tocs = openFsTocStore(root);
  for (const item of scan.items) {
    const diffId = item.chainId === undefined ? undefined : layers.get(item.chainId);
    if (item.kind !== 'snapshot' || diffId === undefined) continue;
    signal?.throwIfAborted();
    const toc = tocs.get(diffId);
    const fault = toc === null ? null : faultOfTree(join(item.path, 'fs'), toc, deep);
    // A tree loses its name first when it is removed.
    if (fault === null || !namedTrees(index).has(item.id)) continue;
    const fix = (): void => {
      index.removeSnapshot(item.id);
      removeTree(item.path);
    };
    report('damaged-snapshot', item.id, `in the unpacked layer ${diffId}, ${fault}`, alone ? fix : undefined);
  }
}

/** Removed since the scan by somebody else, a prune perhaps. */
const isGone = (item: StoreItem): boolean => lstatSync(item.path, { throwIfNoEntry: false }) === undefined;

/** Finished by now. */
const namedTrees = (index: SqliteIndex): ReadonlySet<string> =>
  new Set(index.snapshots().flatMap(({ id, chainId }) => (chainId === null ? [] : [id])));

/** chainID → diffID of the topmost layer, as far as images and records tell. */
async function layersOfStacks(root: string, index: SqliteIndex): Promise<ReadonlyMap<ChainId, DiffId>> {
  const targets = index.tags().map((tag) => tag.target);
  const known = new Map((await findReachable(targets, openFsBlobStore(root))).chainIds);
  for (const { below, diff_id: diffId } of index.db.all('SELECT below, diff_id FROM records')) {
    if (typeof diffId !== 'string' || !isDigest(diffId)) continue;
    const top = parseDiffId(diffId);
    if (below === null) known.set(extendChain(null, top), top);
    else if (typeof below === 'string' && isDigest(below)) known.set(extendChain(parseChainId(below), top), top);
  }
  return known;
}

async function checkImages({ root, index, report }: StoreCheck): Promise<void> {
  const store = openFsBlobStore(root);
  for (const tag of index.tags()) {
    const missing = new Set<string>();
    // A layer that is known to be in a registry is fetched when it is needed.
    await findReachable([tag.target], store, (blob) => index.locations(blob).length === 0 && missing.add(blob));
    if (missing.size === 0) continue;
    const remedy = `build or pull it again, or give the name up: tsbuild rmi ${tag.name}`;
    report('incomplete-image', tag.name, `the store lacks ${[...missing].join(', ')}; ${remedy}`);
  }
}

async function hashesTo(path: string, digest: Digest): Promise<boolean> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  } catch (error) {
    const code = errnoOf(error);
    // Gone since the scan; others look for what is missing.
    if (code === 'ENOENT') return true;
    // Want of descriptors or memory says nothing about the blob.
    if (code === 'EIO' || code === 'EISDIR') return false;
    throw error;
  }
  return `sha256:${hash.digest('hex')}` === digest;
}

function readOrEmpty(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}
