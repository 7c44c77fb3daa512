// Which users a rootless executor may act as: the ranges of /etc/subuid and /etc/subgid, and giving
// them to a waiting user namespace with newuidmap/newgidmap (setuid helpers) or, without ranges,
// one line for the user itself.
import { readFileSync, writeFileSync } from 'node:fs';
import { TsbuildError } from '../core/errors.ts';

export interface IdRange {
  readonly start: number;
  readonly count: number;
}

export interface IdRanges {
  readonly uid: readonly IdRange[];
  readonly gid: readonly IdRange[];
}

/** The caller; `user` is the login name, absent when the uid has none. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly user?: string;
}

const RANGE_LINE = /^([^:]+):(\d{1,10}):(\d{1,10})$/;

/** Ranges of a subuid(5) text for a user, by name or by number. Malformed lines are skipped, as the helpers do. */
export function parseIdRanges(text: string, identity: Identity): IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of text.split('\n')) {
    const match = RANGE_LINE.exec(line.trim());
    if (match === null) continue;
    const [, owner, start, count] = match;
    if (owner !== identity.user && owner !== String(identity.uid)) continue;
    if (Number(count) > 0) ranges.push({ start: Number(start), count: Number(count) });
  }
  return ranges;
}

const readText = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

export const readIdRanges = (identity: Identity): IdRanges => ({
  uid: parseIdRanges(readText('/etc/subuid'), identity),
  gid: parseIdRanges(readText('/etc/subgid'), identity),
});

/** Arguments after the pid: the own id becomes 0, the ranges follow from 1 upwards. */
export function mapArguments(own: number, ranges: readonly IdRange[]): string[] {
  const out = ['0', String(own), '1'];
  let inside = 1;
  for (const range of ranges) {
    out.push(String(inside), String(range.start), String(range.count));
    inside += range.count;
  }
  return out;
}

function runHelper(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const { spawn } = process.getBuiltinModule('node:child_process');
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const lines: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => lines.push(chunk));
    child.on('error', (cause) => {
      reject(
        new TsbuildError({
          code: 'exec/no-uidmap',
          message: `${program} is not installed, so the user ranges of /etc/subuid cannot be used`,
          hint: 'Install it with `apt-get install uidmap` (Debian, Ubuntu) or `dnf install shadow-utils` (Fedora).',
          cause,
        }),
      );
    });
    child.on('close', (code) => {
      if (code === 0) resolve();
      else {
        reject(
          new TsbuildError({
            code: 'exec/uidmap-failed',
            message: `${program} refused the user ranges: ${Buffer.concat(lines).toString('utf8').trim().slice(0, 500)}`,
            hint: 'Check that /etc/subuid and /etc/subgid give this user a range, and that newuidmap and newgidmap are setuid root.',
          }),
        );
      }
    });
  });
}

/** Maps ranges into the user namespace of process `pid`. */
export async function writeRanges(pid: number, identity: Identity, ranges: IdRanges): Promise<void> {
  await Promise.all([
    runHelper('newuidmap', [String(pid), ...mapArguments(identity.uid, ranges.uid)]),
    runHelper('newgidmap', [String(pid), ...mapArguments(identity.gid, ranges.gid)]),
  ]);
}

/** Maps only the user itself to root inside; needs no helper. */
export function writeSingle(pid: number, identity: Identity): void {
  writeFileSync(`/proc/${pid}/setgroups`, 'deny');
  writeFileSync(`/proc/${pid}/uid_map`, `0 ${identity.uid} 1`);
  writeFileSync(`/proc/${pid}/gid_map`, `0 ${identity.gid} 1`);
}
