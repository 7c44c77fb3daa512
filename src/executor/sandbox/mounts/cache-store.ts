// The cache mounts of a store as things to list, pack and remove. This is the executor's work because
// their files belong to users of its namespace, and because the kernel's locks tell what is in use.
import { randomBytes } from 'node:crypto';
import { closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openFsBlobStore } from '../../../cache/fs-blob-store.ts';
import { treeSize } from '../../../cache/gc/tree-size.ts';
import { CACHE_MOUNTS_DIR, TEMP_DIR } from '../../../cache/store-layout.ts';
import { errnoOf, InvariantError } from '../../../core/errors.ts';
import type { CacheInfo, LayerFormat, StoredLayer } from '../../executor.ts';
import { diffSnapshot } from '../../layer/diff.ts';
import { createLayerSink } from '../../layer/layer-sink.ts';
import { LowerStack } from '../../layer/lower-stack.ts';
import { LOCK_EX } from '../../namespace-calls.ts';
import { cancelled } from '../cancelled.ts';
import { readHostFile } from '../host-file.ts';
import type { StepHost } from '../step-host.ts';
import { holdCache, LOCK_POLL, seizeCache } from './cache-hold.ts';

const NAME = /^[0-9a-f]{32}$/;
const LOCK = /^(\d{1,9})\.lock$/;

const rootOf = (host: StepHost): string => join(host.config.root, CACHE_MOUNTS_DIR);

/** Errors are those of a damaged disk; what vanishes meanwhile is left out. */
export function listCaches(host: StepHost): readonly CacheInfo[] {
  return namesIn(rootOf(host))
    .filter((name) => NAME.test(name))
    .flatMap((name) => describeCache(host, name) ?? []);
}

function describeCache(host: StepHost, name: string): CacheInfo | null {
  const base = join(rootOf(host), name);
  const id = readHostFile(join(base, 'id'))?.replace(/\n$/, '');
  if (id === undefined) return null;
  const users = seizeCache(host.calls, base);
  if (users === null) return null;
  if (users !== false) closeSync(users);
  // Every use of a directory sets the time of its lock.
  const numbers = numbersOf(base)
    .filter((number) => existsSync(join(base, String(number))))
    .map((number) => ({ number, time: statSync(join(base, `${number}.lock`), { throwIfNoEntry: false })?.mtimeMs ?? 0 }));
  numbers.sort((a, b) => b.time - a.time || a.number - b.number);
  return {
    name,
    id,
    size: treeSize(base) ?? 0,
    lastUsed: numbers[0]?.time ?? 0,
    inUse: users === false,
    directories: numbers.map(({ number }) => number),
  };
}

/**
 * The content of one directory of a cache as a layer; the same content gives the same layer. Waits while a
 * step uses it. Names that layers give another meaning (`.wh.…`) are not part of it.
 */
export async function packCache(
  host: StepHost,
  name: string,
  number: number,
  format: LayerFormat,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const base = join(rootOf(host), checked(name));
  const users = await holdCache(host.calls, base, signal);
  const lock = users === null ? null : openLock(base, number);
  const sink = createLayerSink(openFsBlobStore(host.config.root), format);
  const xattrs = host.rootless ? 'user' : 'trusted';
  const calls = host.fileCalls;
  try {
    if (lock === null) throw new InvariantError(`cache mount ${base} has no directory ${number}`);
    await waitForLock(host, lock, signal);
    await diffSnapshot({ upper: join(base, String(number)), lower: new LowerStack([], calls, xattrs), calls, xattrs }, sink);
    return { layer: (await sink.finish()).layer };
  } catch (error) {
    await sink.abort();
    throw error;
  } finally {
    for (const fd of [lock, users]) if (fd !== null) closeSync(fd);
  }
}

async function waitForLock(host: StepHost, lock: number, signal: AbortSignal): Promise<void> {
  while (!host.calls.tryLock(lock, LOCK_EX)) {
    if (signal.aborted) throw cancelled('cancelled while waiting for a cache mount that is in use');
    await delay(LOCK_POLL);
  }
}

/** False when a step uses it, then nothing is removed. It is gone at once: a step that comes meanwhile begins another. */
export function removeCache(host: StepHost, name: string): boolean {
  const base = join(rootOf(host), checked(name));
  const users = seizeCache(host.calls, base);
  if (users === null) return true;
  if (users === false) return false;
  const doomed = join(host.config.root, TEMP_DIR, `cache-mount-${randomBytes(8).toString('hex')}`);
  try {
    mkdirSync(join(doomed, '..'), { recursive: true });
    renameSync(base, doomed);
  } finally {
    closeSync(users);
  }
  rmSync(doomed, { recursive: true, force: true });
  return true;
}

function checked(name: string): string {
  if (!NAME.test(name)) throw new InvariantError(`${JSON.stringify(name)} is not the name of a cache mount`);
  return name;
}

const numbersOf = (base: string): number[] =>
  namesIn(base)
    .flatMap((file) => LOCK.exec(file)?.[1] ?? [])
    .map(Number);

function openLock(base: string, number: number): number | null {
  try {
    return openSync(join(base, `${number}.lock`), constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
