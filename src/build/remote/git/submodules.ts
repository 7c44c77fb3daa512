// Submodules of a commit, read from its tree and its `.gitmodules`. Fetching and writing them is done as
// for any repository: `git submodule` would act on names and settings that the repository chooses
// (CVE-2018-11235, CVE-2024-32002).
import { displayText } from '../../../core/display-text.ts';
import { TsbuildError } from '../../../core/errors.ts';
import { pathFromBytes } from '../../../core/path-bytes.ts';
import type { GitMirror } from './git-mirror.ts';
import type { GitProgram } from './git-program.ts';
import { submoduleUrl } from './git-remote.ts';

export interface Submodule {
  /** Below the top of the repository that names it. */
  readonly path: string;
  readonly commit: string;
  /** Absolute; not checked yet. */
  readonly url: string;
}

/** Mirror of a submodule's repository; refuses URLs that a repository may not name. */
export type OpenMirror = (url: string, parent: GitMirror) => GitMirror;

/** Throws build/git for a submodule whose URL is not given, as git does. */
export async function readSubmodules(git: GitProgram, mirror: GitMirror, commit: string): Promise<readonly Submodule[]> {
  const links = await gitLinks(git, mirror, commit);
  if (links.size === 0) return [];
  const modules = await readGitModules(mirror, commit);
  const found: Submodule[] = [];
  for (const [path, target] of links) {
    const module = modules.find((entry) => entry.path === path);
    if (module?.update === 'none') continue;
    const url = module?.url === undefined ? null : submoduleUrl(mirror.remote, module.url);
    if (url === null) {
      throw new TsbuildError({
        code: 'build/git',
        message: `${mirror.remote.shown}: no URL found for submodule path ${JSON.stringify(displayText(path))} in .gitmodules`,
        hint: 'Leave submodules out with ?submodules=false.',
      });
    }
    found.push({ path, commit: target, url });
  }
  return found;
}

const LINK = Buffer.from('160000 commit ');

/** Path → commit. The listing of a large repository is read as it comes. */
async function gitLinks(git: GitProgram, mirror: GitMirror, commit: string): Promise<ReadonlyMap<string, string>> {
  const links = new Map<string, string>();
  let rest: Buffer = Buffer.alloc(0);
  const onOutput = (chunk: Buffer): void => {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = data.indexOf(0); end !== -1; end = data.indexOf(0, from)) {
      const tab = data.indexOf(0x09, from);
      if (data.subarray(from, from + LINK.length).equals(LINK) && tab !== -1 && tab < end)
        links.set(pathFromBytes(data.subarray(tab + 1, end)), data.toString('latin1', from + LINK.length, tab));
      from = end + 1;
    }
    rest = data.subarray(from);
  };
  await git.run({
    args: ['ls-tree', '-r', '-z', '--full-tree', commit],
    gitDir: mirror.gitDir(commit),
    shown: mirror.remote.shown,
    onOutput,
  });
  return links;
}

interface ModuleEntry {
  path?: string;
  url?: string;
  update?: string;
}

/** Entries of `.gitmodules`; none when the file is missing or no configuration file. */
async function readGitModules(mirror: GitMirror, commit: string): Promise<readonly ModuleEntry[]> {
  const listing = await mirror.run(commit, ['config', '--blob', `${commit}:.gitmodules`, '--null', '--list']).catch((error: unknown) => {
    if (error instanceof TsbuildError) return Buffer.alloc(0);
    throw error;
  });
  const modules = new Map<string, ModuleEntry>();
  for (const item of listing.toString('utf8').split('\0')) {
    const match = /^submodule\.(.*)\.(path|url|update)\n(.*)$/s.exec(item);
    if (match === null) continue;
    const [, name = '', field = '', value = ''] = match;
    const entry = modules.get(name) ?? {};
    entry[field as keyof ModuleEntry] = field === 'path' ? value.replace(/\/+$/, '') : value;
    modules.set(name, entry);
  }
  return [...modules.values()];
}
