// Flags that every command takes.
import type { FlagSpec } from './flag.ts';

export const ROOT_FLAG: FlagSpec = {
  name: 'root',
  kind: 'value',
  placeholder: 'DIR',
  help: 'Store directory (TSBUILD_ROOT; default $XDG_DATA_HOME/tsbuild, for root /var/lib/tsbuild)',
};

export const COMMON_FLAGS: readonly FlagSpec[] = [
  ROOT_FLAG,
  { name: 'help', short: 'h', kind: 'switch', help: 'Show what the command does and takes' },
];

/** For commands that show progress. */
export const PROGRESS_FLAG: FlagSpec = {
  name: 'progress',
  kind: 'value',
  placeholder: 'TYPE',
  choices: ['auto', 'tty', 'plain', 'group', 'rawjson', 'quiet'],
  help: 'How progress is shown on stderr: auto, tty, plain, group (lines of a step together, folded on GitHub and GitLab), rawjson, quiet (TSBUILD_PROGRESS, BUILDKIT_PROGRESS)',
};

/** For commands that run containers. */
export const ISOLATION_FLAG: FlagSpec = {
  name: 'isolation',
  kind: 'value',
  placeholder: 'MODE',
  choices: ['auto', 'root', 'rootless', 'chroot', 'fuse', 'copy'],
  help: 'Isolation of build containers (TSBUILD_ISOLATION; default: the best this host allows, see tsbuild doctor)',
};

export const PLATFORM_FLAG: FlagSpec = {
  name: 'platform',
  kind: 'value',
  placeholder: 'OS/ARCH',
  help: 'Platform of the image (default: this machine)',
};
