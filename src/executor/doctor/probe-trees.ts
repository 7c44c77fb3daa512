// How layers become file systems of steps on this machine: tried on the file system of the store, with the
// mounts that steps use. The executor decides again when a build starts (sandbox/rootfs/choose-trees.ts).
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Trees } from '../launch.ts';
import { findProgram } from '../sandbox/find-program.ts';
import { whyNoFuse } from '../sandbox/rootfs/fuse-overlay.ts';
import { type Attempt, attempt, type Finding } from './finding.ts';

export interface TreesReport {
  readonly trees: Trees;
  readonly findings: readonly Finding[];
}

/** `store` need not exist yet. Changes nothing that stays. */
export function probeTrees(store: string, root: boolean): TreesReport {
  const directory = makeProbe(store);
  try {
    const kernel = tryOverlay(directory, root, `mount -t overlay overlay -o "$options${root ? '' : ',userxattr'}" m`);
    const problem = kernel.works ? null : whyNoFuse();
    const fuse =
      kernel.works || problem !== null ? null : tryOverlay(directory, root, `fuse-overlayfs -o "$options" m >/dev/null && ${EXACT}`);
    const trees = kernel.works ? 'overlay' : fuse?.works === true ? 'fuse' : 'copy';
    const findings = [overlayFinding(kernel, trees, root), ...(kernel.works ? [] : [fuseFinding(trees, problem ?? fuse?.detail ?? '')])];
    return { trees, findings };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** As isExact of sandbox/rootfs/choose-trees.ts. */
const EXACT = `{ touch -d @5 m/old && echo more >> m/old/inner && [ "$(stat -c %Y m/old)" = 5 ] && rm -r m/old && mkdir m/old && mv m/old m/new && ! [ -e m/old ] || { umount m; echo 'this version gets rare changes wrong' >&2; false; }; }`;

/** In the store's place; where that cannot be written, in one that is probably alike. */
function makeProbe(store: string): string {
  let above = store;
  while (!existsSync(above)) above = dirname(above);
  try {
    return mkdtempSync(join(above, 'tsbuild-probe-'));
  } catch {
    return mkdtempSync(join(existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), 'tsbuild-probe-'));
  }
}

/** `mount` finds its options in $options; a file of the lower is deleted and the mount undone. */
function tryOverlay(directory: string, root: boolean, mount: string): Attempt {
  const script = `cd "$1" && rm -rf l u w m && mkdir -p l/old u w m && touch l/gone l/old/inner && options=lowerdir=l,upperdir=u,workdir=w && ${mount} && rm m/gone && umount m; code=$?; rm -rf w; exit $code`;
  return attempt('unshare', ...(root ? ['-m'] : ['-U', '-r', '-m']), 'sh', '-c', script, 'sh', directory);
}

function overlayFinding({ works, detail }: Attempt, trees: Trees, root: boolean): Finding {
  const name = 'overlay';
  if (works) {
    const value = `works${root ? '' : ' (userxattr)'} on Linux ${release()}`;
    return { name, state: 'good', value, meaning: 'Layers are stacked without copying.' };
  }
  return {
    name,
    state: 'fair',
    value: `refused (${detail})`,
    meaning:
      trees === 'fuse'
        ? 'fuse-overlayfs stacks the layers, which is slower; the layers are the same.'
        : 'Every step copies its file system, which is slower; the layers are the same.',
    improve: 'tsbuild --root DIR with DIR on ext4, xfs, btrfs or tmpfs; without root Linux 5.11 or later',
  };
}

function fuseFinding(trees: Trees, problem: string): Finding {
  const name = 'fuse-overlayfs';
  if (trees === 'fuse') return { name, state: 'good', value: 'works', meaning: "It stands in for the kernel's overlays." };
  return {
    name,
    state: 'fair',
    value: problem,
    meaning: 'It would be faster than copies; --isolation=fuse uses it all the same (docs/security.md says what can go wrong).',
    improve: problem.startsWith('/dev/fuse')
      ? 'sudo modprobe fuse; sudo chmod 666 /dev/fuse'
      : findProgram('fuse-overlayfs') === null
        ? 'sudo apt-get install fuse-overlayfs'
        : 'tsbuild build --isolation=fuse',
  };
}
