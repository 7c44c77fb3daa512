// What a definition from elsewhere may touch on this machine: nothing outside of the working directory and
// of what came with the definition, unless --allow grants it, in the words of buildx.
import { realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import { TsbuildError } from '../../core/errors.ts';
import { dockerfileOf, isRemote, localContext } from './target-request.ts';

export interface HostAccessOptions {
  readonly workingDirectory: string;
  /** What came with the definition; null when it is a file alone. */
  readonly directory: string | null;
  /** Values of --allow: `fs=PATH`, `fs.read=PATH`, `fs.write=PATH` and `ssh`; `*` is every path. */
  readonly allow: readonly string[];
}

interface Access {
  readonly right: 'fs.read' | 'fs.write' | 'ssh';
  /** Absolute; empty for ssh. */
  readonly path: string;
  /** `web: context`. */
  readonly where: string;
}

/** Throws 'bake/host-access' that names everything that is not granted. */
export function checkHostAccess(targets: readonly BakeTarget[], options: HostAccessOptions): void {
  const refused = targets.flatMap((target) => accessesOf(target, options.workingDirectory)).filter((access) => !isGranted(access, options));
  const [first] = refused;
  if (first === undefined) return;
  const flags = [...new Set(refused.map(({ right, path }) => `--allow ${right === 'ssh' ? right : `${right}=${path}`}`))];
  throw new TsbuildError({
    code: 'bake/host-access',
    message: `the definition asks for more of this machine than the working directory: ${refused.map(shown).join('; ')}`,
    hint: `if that is meant, grant it with ${flags.join(' ')}`,
  });
}

const shown = ({ right, path, where }: Access): string =>
  `${where} ${right === 'ssh' ? 'uses the ssh agent' : `${right === 'fs.read' ? 'reads' : 'writes'} ${path}`}`;

function accessesOf(target: BakeTarget, workingDirectory: string): Access[] {
  const accesses: Access[] = [];
  const add = (right: Access['right'], attribute: string, path: string): void => {
    accesses.push({ right, path: right === 'ssh' ? '' : resolve(workingDirectory, path), where: `${target.name}: ${attribute}` });
  };
  const contexts = [['context', target.context], ...[...(target.contexts?.values() ?? [])].map((source) => ['contexts', source])] as const;
  for (const [attribute = '', source = ''] of contexts) {
    const path = hostPath(source);
    if (path !== null) add('fs.read', attribute, path);
  }
  if (hostPath(target.context) !== null && target.dockerfileInline === undefined) add('fs.read', 'dockerfile', dockerfileOf(target));
  for (const secret of target.secret ?? []) if (secret.env === undefined) add('fs.read', 'secret', secret.src ?? secret.id);
  for (const ssh of target.ssh ?? []) {
    add('ssh', 'ssh', '');
    for (const path of ssh.paths) add('fs.read', 'ssh', path);
  }
  for (const { dest } of target.output ?? []) if (dest !== undefined && dest !== '-') add('fs.write', 'output', dest);
  return accesses;
}

/** The path that a context is on this machine; repositories and layouts can be there too. */
function hostPath(source: string): string | null {
  const place = /^oci-layout:\/\/([^@]*)/.exec(source)?.[1] ?? /^file:\/+([^#?]*)/.exec(source)?.[1]?.replace(/^/, '/');
  if (place !== undefined) return place;
  const context = localContext(source);
  return linkedName(source) !== null || isRemote(context) ? null : context;
}

function isGranted({ right, path }: Access, { workingDirectory, directory, allow }: HostAccessOptions): boolean {
  if (right === 'ssh') return allow.includes('ssh');
  const granted = allow.flatMap((item) => {
    const [, name = '', place = ''] = /^(fs|fs\.read|fs\.write)=(.+)$/s.exec(item) ?? [];
    return name === 'fs' || name === right ? [place] : [];
  });
  if (granted.includes('*')) return true;
  const roots = [workingDirectory, ...(directory === null || right === 'fs.write' ? [] : [directory]), ...granted];
  const real = realPlace(path);
  return roots.some((root) => isWithin(real, realPlace(resolve(workingDirectory, root))));
}

const isWithin = (path: string, root: string): boolean => path === root || root === '/' || path.startsWith(`${root}/`);

/** With links followed as far as the path exists. */
function realPlace(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPlace(parent), path.slice(parent === '/' ? 1 : parent.length + 1));
  }
}
