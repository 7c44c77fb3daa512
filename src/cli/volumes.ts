// -v HOST:DEST[:OPTIONS] of `tsbuild run`. z and Z are for SELinux: where there is none they ask for nothing.
import { existsSync, realpathSync } from 'node:fs';
import { posix, resolve } from 'node:path';
import type { HostBind } from '../build/images/run-image.ts';
import { errnoOf } from '../core/errors.ts';
import { usageError } from './flags/parse-argv.ts';

const OPTIONS: ReadonlySet<string> = new Set(['ro', 'rw', 'z', 'Z']);

/** The host's path is resolved here, links and all, so that what is mounted is what the user named. */
export function parseVolume(text: string, cwd: string): HostBind {
  const fail = (why: string, hint = 'write it as -v HOST:DEST or -v HOST:DEST:ro'): Error =>
    usageError('run', `--volume ${JSON.stringify(text)}: ${why}`, hint);
  const [host = '', target = '', access = 'rw', ...rest] = text.split(':');
  if (host === '' || target === '' || rest.length > 0) throw fail('it is not HOST:DEST[:ro]');
  const options = access.split(',');
  const unknown = options.find((option) => !OPTIONS.has(option));
  if (unknown !== undefined) throw fail(`${JSON.stringify(unknown)} is neither ro nor rw`);
  if (options.some((option) => option.toLowerCase() === 'z') && existsSync('/sys/fs/selinux/enforce'))
    throw fail('labels of SELinux are not changed', `leave z out, and label it with \`chcon -Rt container_file_t ${host}\``);
  if (!target.startsWith('/')) throw fail('DEST must be absolute');
  if (!/^[./~]/.test(host))
    throw fail(`${JSON.stringify(host)} is the name of a volume`, 'there are no named volumes; write a directory as ./NAME or /PATH');
  return { source: resolveHost(resolve(cwd, host), fail), target: posix.normalize(target), readonly: options.includes('ro') };
}

function resolveHost(path: string, fail: (why: string, hint?: string) => Error): string {
  try {
    return realpathSync(path);
  } catch (error) {
    throw fail(
      `${path} cannot be used (${errnoOf(error) ?? 'unknown error'})`,
      'the directory or file must exist; nothing is made on the host',
    );
  }
}
