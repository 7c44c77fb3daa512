// Real directories for layer tests: making trees as root, describing them, mounting overlays.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileCalls } from '../../src/executor/syscalls.ts';

/** Making devices, owners and mounts needs root; tests that do say so when they are skipped. */
export const isRoot = process.getuid?.() === 0;
export const rootOnly = isRoot ? '' : ' (skipped: needs root)';

/**
 * Names and kinds, modes, owners, times, links and content of a tree, one line each; sockets are no part of a
 * layer. Not `exact` leaves out what Docker does not record: times of directories that are otherwise unchanged,
 * and hard links that copying up cut.
 */
export function describeTree(root: string, calls: FileCalls, options: { readonly exact: boolean } = { exact: true }): string[] {
  const lines: string[] = [];
  const inodes = new Map<string, string>();
  const walk = (path: string): void => {
    for (const name of readdirSync(join(root, path)).sort()) {
      const child = path === '' ? name : `${path}/${name}`;
      const host = join(root, child);
      const stats = lstatSync(host);
      if (stats.isSocket()) continue;
      const key = `${stats.dev}:${stats.ino}`;
      const first = stats.isDirectory() || !options.exact ? child : (inodes.get(key) ?? child);
      inodes.set(key, first);
      const detail = stats.isSymbolicLink()
        ? `-> ${readlinkSync(host)}`
        : stats.isFile()
          ? `${stats.size} ${createHash('sha256').update(readFileSync(host)).digest('hex').slice(0, 8)}`
          : stats.isDirectory()
            ? ''
            : `dev ${stats.rdev}`;
      const time = stats.isDirectory() && !options.exact ? '-' : Math.floor(stats.mtimeMs / 1000);
      const capability = stats.isFile() ? (calls.getXattr(host, 'security.capability') ?? '') : '';
      const hex = Buffer.from(capability, 'latin1').toString('hex');
      lines.push(
        `${child} ${stats.mode.toString(8)} ${stats.uid}:${stats.gid} ${time} =${first} ${detail}${hex === '' ? '' : ` cap ${hex}`}`,
      );
      if (stats.isDirectory()) walk(child);
    }
  };
  walk('');
  return lines;
}

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'layer-test-'));
}

/** Mounts an overlay, runs `body` in it and unmounts, whatever happens. */
export function withOverlay<T>(lower: readonly string[], upper: string, work: string, target: string, options: string, body: () => T): T {
  const stack = lower.length === 0 ? [] : lower.toReversed();
  const data = `lowerdir=${stack.join(':')},upperdir=${upper},workdir=${work}${options}`;
  run('mount', '-t', 'overlay', 'overlay', '-o', data, target);
  try {
    return body();
  } finally {
    run('umount', target);
  }
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

export function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
