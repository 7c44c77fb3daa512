// Single flight: exclusion between tasks and processes, survival of dead holders, aborting.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Leases } from '../../src/cache/leases.ts';

const CHILD = fileURLToPath(new URL('./children/hold-lease.ts', import.meta.url));

let root: string;
let log: string;
let children: ChildProcess[];
let leases: Leases;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'leases-'));
  log = join(root, 'log');
  children = [];
  leases = new Leases(root);
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  leases.close();
  rmSync(root, { recursive: true, force: true });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const lines = (): string[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);

function holder(key: string, ms: number): { child: ChildProcess; done: Promise<unknown> } {
  const child = spawn(process.execPath, [CHILD, root, key, log, String(ms)], { stdio: 'inherit' });
  children.push(child);
  return { child, done: new Promise((resolve) => child.on('close', resolve)) };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}

describe('a lease', () => {
  it('gives back what the body gives, and lets go', async () => {
    expect(await leases.hold('k', async (waited) => waited)).toBe(false);
    expect(await leases.hold('k', async () => 2)).toBe(2);
  });

  it('lets go when the body fails', async () => {
    await expect(leases.hold('k', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await leases.hold('k', async (waited) => waited)).toBe(false);
  });

  it('lets one task at a time into a key, and tells those who waited', async () => {
    let running = 0;
    let most = 0;
    const waits = await Promise.all(
      Array.from({ length: 6 }, () =>
        leases.hold('k', async (waited) => {
          most = Math.max(most, ++running);
          await sleep(10);
          running--;
          return waited;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(waits.filter((waited) => !waited)).toHaveLength(1);
  });

  it('says which process is waited for, and when that one is stopped', async () => {
    const notices: string[] = [];
    const impatient = new Leases(root, { onNotice: (message) => notices.push(message), patience: 0 });
    const { child, done } = holder('k', 0);
    await until(() => lines().length === 1);
    const waiting = impatient.hold('k', async (waited) => waited);
    await until(() => notices.length === 1);
    child.kill('SIGSTOP');
    await until(() => notices.length === 2);
    child.kill('SIGKILL');
    expect(await waiting).toBe(true);
    await done;
    impatient.close();
    expect(notices).toEqual([
      `waiting for process ${child.pid}, which does the same work`,
      expect.stringMatching(`waiting for process ${child.pid}, .* is stopped: continue it \\(kill -CONT ${child.pid}\\) or end it`),
    ]);
  });

  it('does not make different keys wait for each other', async () => {
    let inner = false;
    await leases.hold('a', async () => {
      await Promise.resolve();
      setImmediate(() => {
        inner = true;
      });
      await until(() => inner);
    });
    const both = await Promise.all([leases.hold('a', () => sleep(1).then(() => 'a')), leases.hold('b', async () => 'b')]);
    expect(both).toEqual(['a', 'b']);
  });

  it('does not wait inside a lease, so that nesting cannot deadlock', async () => {
    const crossed = await Promise.all([
      leases.hold('a', async () => {
        await sleep(20);
        return leases.hold('b', async () => 1);
      }),
      leases.hold('b', async () => {
        await sleep(20);
        return leases.hold('a', async () => 2);
      }),
    ]);
    expect(crossed).toEqual([1, 2]);
  });

  it('ends the wait when aborted, and leaves the holder alone', async () => {
    const controller = new AbortController();
    let release = (): void => undefined;
    const first = leases.hold('k', () => new Promise<void>((resolve) => (release = resolve)));
    await sleep(20);
    const second = leases.hold('k', async () => 'never', controller.signal);
    await sleep(20);
    controller.abort(new Error('interrupted'));
    await expect(second).rejects.toThrow('interrupted');
    await expect(leases.hold('k', async () => 'never', controller.signal)).rejects.toThrow('interrupted');
    release();
    await first;
    expect(await leases.hold('k', async () => 'now')).toBe('now');
  });
});

describe('between processes', () => {
  it('lets one process at a time into a key', async () => {
    await Promise.all([1, 2, 3].map(() => holder('k', 150).done));
    const seen = lines();
    expect(seen).toHaveLength(6);
    for (let i = 0; i < 6; i += 2) expect(seen[i]?.replace('start', 'end')).toBe(seen[i + 1]);
  });

  it('takes over at once from a holder that was killed', async () => {
    const { child, done } = holder('k', 0);
    await until(() => lines().length === 1 && lines()[0] !== '');
    const waiting = leases.hold('k', async (waited) => waited);
    await sleep(50);
    child.kill('SIGKILL');
    await done;
    const start = performance.now();
    expect(await waiting).toBe(true);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it('waits for a holder of another pid namespace until its signs of life stop', async () => {
    await leases.hold('other', async () => undefined);
    const db = new DatabaseSync(join(root, 'index-v1/leases.db'));
    const plant = (key: string, age: number): unknown =>
      db.prepare("INSERT INTO leases VALUES (?, 'x', 1, '1', 'another boot', ?)").run(key, Date.now() - age);
    plant('expired', 61_000);
    plant('fresh', 1000);
    db.close();
    expect(await leases.hold('expired', async () => 'mine')).toBe('mine');
    await expect(leases.hold('fresh', async () => 'mine', AbortSignal.timeout(100))).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
