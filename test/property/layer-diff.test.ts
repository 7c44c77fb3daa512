// Law: whatever a step does to a tree, the layer made of its changes, unpacked on the old tree, gives
// the new tree, and the tables of contents show the same tree as the disk. Runs on real overlay mounts.
import { chmodSync, lchownSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { errnoOf } from '../../src/core/errors.ts';
import { loadFileCalls, S_IFIFO } from '../../src/executor/syscalls.ts';
import { LayerStack } from '../support/layer-stack.ts';
import { isRoot, removeTree, rootOnly, temporaryDirectory } from '../support/layer-trees.ts';

const calls = loadFileCalls();

interface Change {
  readonly do: 'mkdir' | 'write' | 'remove' | 'fifo' | 'symlink' | 'link' | 'rename' | 'chmod' | 'chown' | 'utime';
  readonly path: string;
  readonly to: string;
  readonly text: string;
  readonly value: number;
}

// Few names, so that steps meet each other's files often.
const path = fc.array(fc.constantFrom('a', 'b', 'c.d', 'ü'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const change: fc.Arbitrary<Change> = fc.record({
  do: fc.constantFrom('mkdir', 'mkdir', 'write', 'write', 'remove', 'fifo', 'symlink', 'link', 'rename', 'chmod', 'chown', 'utime'),
  path,
  to: path,
  text: fc.string({ maxLength: 20 }),
  value: fc.integer({ min: 0, max: 0o777 }),
});

const isLink = (path: string): boolean => lstatSync(path).isSymbolicLink();
const isFifo = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFIFO() === true;

const PERFORM: Readonly<Record<Change['do'], (host: string, change: Change, to: string) => void>> = {
  mkdir: (host) => mkdirSync(host),
  write: (host, { text }) => writeFileSync(host, text, { flag: isFifo(host) ? 'wx' : 'w' }),
  remove: (host) => rmSync(host, { recursive: true }),
  fifo: (host) => calls.makeNode(host, S_IFIFO | 0o644, 0, 0),
  symlink: (host, change) => symlinkSync(`/nowhere/${change.to}`, host),
  link: (host, _, to) => linkSync(to, host),
  rename: (host, _, to) => renameSync(to, host),
  // Through a symlink files of the host would be reached.
  chmod: (host, { value }) => (isLink(host) ? undefined : chmodSync(host, value)),
  chown: (host, { value }) => lchownSync(host, value, value),
  utime: (host, { value }) => (isLink(host) ? undefined : utimesSync(host, value, value)),
};

/** Changes that make no sense at the moment (parent missing, not empty…) are simply not done. */
function attempt(root: string, change: Change): void {
  try {
    PERFORM[change.do](join(root, change.path), change, join(root, change.to));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** Paths and kinds as the tables of contents show them. */
function listTree(stack: LayerStack, at = ''): string[] {
  const tree = stack.tree;
  return tree.readdir(at).flatMap((name) => {
    const child = at === '' ? name : `${at}/${name}`;
    const entry = tree.lstat(child);
    const line = `${child} ${((entry?.mode ?? 0) & 0o777).toString(8)} ${entry?.uid}:${entry?.gid}`;
    return [line, ...(entry?.type === 'dir' ? listTree(stack, child) : [])];
  });
}

describe.skipIf(!isRoot)(`layers of random steps${rootOnly}`, () => {
  test('unpacking the changes gives the changed tree, three steps deep', { timeout: 120_000 }, async () => {
    const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 14 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom('trusted' as const, 'user' as const), async (all, xattrs) => {
        const root = temporaryDirectory();
        try {
          const stack = new LayerStack(root, calls, xattrs);
          for (const changes of all) {
            const { toc, appliedToc, left, seen } = await stack.step((mount) => {
              for (const item of changes) attempt(mount, item);
            }, false);
            expect(seen).toBe(left);
            expect(appliedToc).toEqual(toc);
            const onDisk =
              seen === ''
                ? []
                : seen
                    .split('\n')
                    .map((line) =>
                      line.replace(
                        /^(\S+) \d*(\d{3}) (\S+) .*$/,
                        (_, name, mode, owner) => `${name} ${Number.parseInt(mode, 8).toString(8)} ${owner}`,
                      ),
                    );
            expect(listTree(stack).sort()).toEqual(onDisk.sort());
          }
        } finally {
          removeTree(root);
        }
      }),
      { numRuns: 60 },
    );
  });
});
