// Keeps a cache mount from being removed while somebody uses it, across processes: who uses any directory of a
// cache holds its file `users` shared, who removes it holds that alone. The kernel drops locks with their process.
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf } from '../../../core/errors.ts';
import { LOCK_EX, LOCK_SH, type NamespaceCalls } from '../../namespace-calls.ts';
import { cancelled } from '../cancelled.ts';

export const LOCK_POLL = 50;

/** Descriptor that holds the cache `base` until it is closed; null when there is none. Error: 'exec/cancelled' while it is being removed. */
export async function holdCache(calls: NamespaceCalls, base: string, signal: AbortSignal): Promise<number | null> {
  for (;;) {
    const fd = openUsers(base);
    if (fd === null) return null;
    if (calls.tryLock(fd, LOCK_SH)) {
      if (isUsersOf(fd, base)) return fd;
      closeSync(fd);
      continue;
    }
    closeSync(fd);
    if (signal.aborted) throw cancelled('cancelled while a cache mount was being removed');
    await delay(LOCK_POLL);
  }
}

/** The same for removing it: null when there is none, false when it is in use. */
export function seizeCache(calls: NamespaceCalls, base: string): number | false | null {
  const fd = openUsers(base);
  if (fd === null) return null;
  const seized = calls.tryLock(fd, LOCK_EX);
  if (seized && isUsersOf(fd, base)) return fd;
  closeSync(fd);
  return seized ? null : false;
}

function openUsers(base: string): number | null {
  try {
    return openSync(join(base, 'users'), constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Not of a cache that somebody removed meanwhile. */
function isUsersOf(fd: number, base: string): boolean {
  const there = statSync(join(base, 'users'), { throwIfNoEntry: false });
  const { dev, ino } = fstatSync(fd);
  return there?.ino === ino && there.dev === dev;
}
