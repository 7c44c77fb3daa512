// Against the real overlayfs: what the kernel shows over a stack of snapshots before a diff is what it
// shows over the stack with the diff unpacked on top.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { diffSnapshot } from '../../src/executor/layer/diff.ts';
import { createLayerSink } from '../../src/executor/layer/layer-sink.ts';
import { LowerStack } from '../../src/executor/layer/lower-stack.ts';
import type { OverlayXattrs } from '../../src/executor/layer/overlay-form.ts';
import { loadFileCalls } from '../../src/executor/syscalls.ts';
import { LayerStack } from '../support/layer-stack.ts';
import { isRoot, removeTree, rootOnly, temporaryDirectory } from '../support/layer-trees.ts';

const calls = loadFileCalls();

let root: string;
beforeEach(() => {
  root = temporaryDirectory();
});
afterEach(() => removeTree(root));

/** Names in the layer that a shell script makes; fails when the unpacked layer shows another tree than the script left. */
async function run(stack: LayerStack, script: string, exact = true): Promise<readonly string[]> {
  const { toc, appliedToc, left, seen } = await stack.step(
    (cwd) => execFileSync('sh', ['-ec', script], { cwd, stdio: ['ignore', 'ignore', 'inherit'] }),
    exact,
  );
  expect(appliedToc).toEqual(toc);
  expect(seen).toBe(left);
  return toc.entries.map(({ type, path }) => (type === 'whiteout' ? `-${path}` : path));
}

describe.skipIf(!isRoot).each<OverlayXattrs>(['trusted', 'user'])(`changes of a step (%s attributes)${rootOnly}`, (xattrs) => {
  const newStack = (kind: OverlayXattrs) => new LayerStack(root, calls, kind);
  const base = `
    mkdir -p a/b/c del/x opq/sub/deep same fl/dir
    echo 1 >a/f; echo 2 >a/b/g; ln a/f a/b/hl; echo x >del/x/y
    echo o >opq/one; echo t >opq/two; echo d >opq/sub/deep/z
    echo s >same/f; ln -s f same/l; echo q >fl/file; echo r >fl/dir/in`;

  test('files, links and directories come in byte order, parents before them', async () => {
    expect(await run(newStack(xattrs), 'mkdir -p d/e; echo 1 >d/e/f; echo 1 >d.x; mkdir B; ln -s x d/a')).toEqual([
      'B',
      'd',
      'd/a',
      'd/e',
      'd/e/f',
      'd.x',
    ]);
  });

  test('deletions are explicit, also below a directory that was made anew', async () => {
    const stack = newStack(xattrs);
    await run(stack, base);
    const names = await run(stack, 'rm -r del; rm -r opq; mkdir -p opq/sub; echo new >opq/two; echo n >opq/sub/new');
    expect(names).toEqual(['-del', 'opq', '-opq/one', 'opq/sub', '-opq/sub/deep', 'opq/sub/new', 'opq/two']);
  });

  test('a file may become a directory and a directory a file', async () => {
    const stack = newStack(xattrs);
    await run(stack, base);
    expect(await run(stack, 'rm fl/file; mkdir fl/file; echo k >fl/file/kid; rm -r fl/dir; echo now >fl/dir')).toEqual([
      'fl',
      'fl/dir',
      'fl/file',
      'fl/file/kid',
    ]);
  });

  test('what was touched but not changed is left out', async () => {
    const stack = newStack(xattrs);
    await run(stack, base);
    expect(
      await run(stack, 'chown 0:0 a/f same; chmod 644 same/f; : >>same/f; echo t >a/tmp; rm a/tmp; mkdir a/t; rmdir a/t', false),
    ).toEqual([]);
  });

  test('a changed owner, mode or time is a change', async () => {
    const stack = newStack(xattrs);
    await run(stack, base);
    expect(await run(stack, 'chown 5 a/f; chmod 700 same; touch -d 2001-01-01 same/f; touch -h -d 2001-01-01 same/l')).toEqual([
      'a',
      'a/f',
      'same',
      'same/f',
      'same/l',
    ]);
  });

  test('a hard link has the time of its file, also just before a full second', async () => {
    const { toc } = await newStack(xattrs).step((cwd) =>
      execFileSync('sh', ['-ec', 'echo 1 >f; ln f g; touch -d @1700000000.999999999 f'], { cwd }),
    );
    expect(toc.entries.map(({ type, mtime }) => [type, mtime])).toEqual([
      ['file', 1_700_000_000],
      ['hardlink', 1_700_000_000],
    ]);
  });

  test('hard links stay together', async () => {
    const stack = newStack(xattrs);
    expect(await run(stack, 'echo 1 >b; ln b a; ln b c; ln -s b s; ln s t')).toEqual(['a', 'b', 'c', 's', 't']);
    // Copying a up for the new link parts it from b and c; Docker records only the new name.
    expect(await run(stack, 'ln a d', false)).toEqual(['d']);
  });

  test('devices and fifos are kept, sockets are not', async () => {
    const socket = `perl -e 'use Socket; socket(S,AF_UNIX,SOCK_STREAM,0); bind(S,sockaddr_un("s")) or die'`;
    expect(await run(newStack(xattrs), `mknod n c 1 3; mknod b b 259 70000; mkfifo p; ${socket}`)).toEqual(['b', 'n', 'p']);
  });

  test('a deleted thing can come back, and be deleted again', async () => {
    const stack = newStack(xattrs);
    await run(stack, base);
    await run(stack, 'rm -r opq a');
    await run(stack, 'mkdir -p opq a/b; echo back >a/b/g');
    expect(await run(stack, 'rm -r a')).toEqual(['-a']);
    expect(await run(stack, 'rm -rf a; mkdir z; rmdir z')).toEqual([]);
  });

  test('overlay redirects are refused', async () => {
    const stack = newStack(xattrs);
    const upper = join(root, 'redirect-up');
    mkdirSync(join(upper, 'd'), { recursive: true });
    calls.setXattr(join(upper, 'd'), `${xattrs}.overlay.redirect`, '/x');
    const lower = new LowerStack(stack.dirs, calls, xattrs);
    await expect(diffSnapshot({ upper, lower, calls, xattrs }, createLayerSink(stack.store, { compression: 'gzip' }))).rejects.toEqual(
      expect.objectContaining({ code: 'exec/layer-overlay-feature' }),
    );
  });
});
