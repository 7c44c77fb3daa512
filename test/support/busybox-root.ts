// A minimal root file system for executor tests: a static busybox and two user files, as the snapshot
// `base` of a fresh store.
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { findProgram } from '../../src/executor/sandbox/find-program.ts';

const CANDIDATES = ['/bin/busybox', '/usr/bin/busybox', '/bin/busybox.static'];
const APPLETS =
  'sh cat ls id env echo mkdir rm rmdir touch chmod chown ln mv grep stat sleep kill hostname head true false pwd wc tr find ip wget nc test mount umount dd ps sort readlink mknod seq unshare yes date ulimit cut sed printf chroot'.split(
    ' ',
  );

/** A statically linked busybox, or null. */
export const findBusybox = (): string | null => CANDIDATES.find((path) => existsSync(path) && isStatic(readFileSync(path))) ?? null;

/** No program header names a loader (ELF64, PT_INTERP is 3). */
function isStatic(elf: Buffer): boolean {
  const [start, size, count] = [Number(elf.readBigUInt64LE(32)), elf.readUInt16LE(54), elf.readUInt16LE(56)];
  return !Array.from({ length: count }, (_, index) => elf.readUInt32LE(start + index * size)).includes(3);
}

/** True when steps cannot run as root here; the reason is printed. */
export function whyNoSteps(): boolean {
  const missing = [
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...(findBusybox() === null ? ['a static busybox (apt-get install busybox-static)'] : []),
    ...(findProgram('crun') === null && findProgram('runc') === null ? ['crun or runc (apt-get install crun)'] : []),
  ];
  if (missing.length > 0) console.warn(`skipped: steps need ${missing.join(', ')}`);
  return missing.length > 0;
}

export interface TestStore {
  readonly root: string;
  /** Adds a snapshot with the given files. */
  addSnapshot(id: string, files: Readonly<Record<string, string>>): string;
  remove(): void;
}

export async function createStore(busybox: string, parent = '/var/tmp'): Promise<TestStore> {
  const root = await mkdtemp(join(parent, 'tsbuild-exec-'));
  chmodSync(root, 0o755);
  const snapshots = join(root, 'snapshots-v1');
  mkdirSync(join(snapshots, 'base/fs/bin'), { recursive: true });
  copyFileSync(busybox, join(snapshots, 'base/fs/bin/busybox'));
  chmodSync(join(snapshots, 'base/fs/bin/busybox'), 0o755);
  for (const name of APPLETS) symlinkSync('busybox', join(snapshots, 'base/fs/bin', name));
  const base = join(snapshots, 'base/fs');
  for (const directory of ['etc', 'root', 'tmp', 'home', 'dev', 'proc', 'sys']) mkdirSync(join(base, directory));
  chmodSync(join(base, 'tmp'), 0o1777);
  writeFileSync(
    join(base, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1000::/home/bob:/bin/sh\n',
  );
  writeFileSync(join(base, 'etc/group'), 'root:x:0:\nstaff:x:50:alice\nusers:x:1000:\ndocker:x:999:alice,bob\n');
  return {
    root,
    addSnapshot(id, files) {
      const tree = join(snapshots, id, 'fs');
      mkdirSync(tree, { recursive: true });
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(join(tree, path, '..'), { recursive: true });
        if (content.startsWith('->')) symlinkSync(content.slice(2), join(tree, path));
        else writeFileSync(join(tree, path), content);
      }
      return tree;
    },
    remove() {
      rmSync(root, { recursive: true, force: true });
    },
  };
}
