// A store on a file system that is full or read-only. Needs a mount namespace (root, or user
// namespaces) for a small tmpfs.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CHILD = fileURLToPath(new URL('../contract/children/use-store.ts', import.meta.url));
const ENTER = ['--user', '--map-root-user', '--mount'];
const canMount = spawnSync('unshare', [...ENTER, 'mount', '-t', 'tmpfs', 'probe', '/mnt']).status === 0;
if (!canMount) process.stderr.write('skipped: store on a full disk (needs unshare --user --mount and tmpfs)\n');

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'store-disk-'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

function useStore(mountOptions: string, prepare: string): Record<string, unknown> {
  const script = `mount -t tmpfs -o ${mountOptions} store "$1" && ${prepare} && exec "$2" "$3" "$1" 2097152`;
  const run = spawnSync('unshare', [...ENTER, 'sh', '-c', script, 'sh', base, process.execPath, CHILD], { encoding: 'utf8' });
  expect(run.stderr).toBe('');
  return JSON.parse(run.stdout) as Record<string, unknown>;
}

describe.skipIf(!canMount)('a store', () => {
  it('on a full disk says so everywhere, and leaves no half file', () => {
    const outcome = useStore('size=700k', 'true');
    const full = { code: 'store/disk-full', message: expect.stringContaining(base), hint: expect.stringContaining('prune') };
    expect(outcome).toEqual({ put: full, writer: full, toc: full, index: full, temp: [], blobs: 0 });
  });

  it('on a read-only file system names the path', () => {
    const outcome = useStore('size=700k', 'mount -o remount,ro "$1"');
    const refused = { code: 'store/not-writable', message: expect.stringContaining(base), hint: expect.stringContaining('--root') };
    expect(outcome).toEqual({ put: refused, writer: refused, toc: refused, index: refused, temp: [], blobs: 0 });
  });
});
