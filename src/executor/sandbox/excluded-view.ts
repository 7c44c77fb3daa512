// A host directory as a bind source without what .dockerignore leaves out: an overlay of whiteouts
// for the excluded entries over the directory itself. Nothing is copied.
import { closeSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compilePatterns, type ParentMatch } from '../../context/pattern-matcher.ts';
import { fsPath, pathFromBytes } from '../../core/path-bytes.ts';
import type { StepScope } from './step-scope.ts';
import { type Stub, writeStubLayer } from './stub-layer.ts';

/** Absolute path of the view. Throws 'context/bad-pattern'. */
export function hideExcluded(scope: StepScope, directory: string, patterns: readonly string[]): string {
  const stubs: Stub[] = findExcluded(directory, patterns).map((path) => ({ path, kind: 'whiteout' }));
  const fd = scope.host.calls.openBeneath(directory, '.');
  const tree = (() => {
    try {
      return scope.mountDescriptor(fd);
    } finally {
      closeSync(fd);
    }
  })();
  if (stubs.length === 0) return tree.path;
  const name = `excluded-${scope.nextIndex()}`;
  const layer = join(scope.files, name);
  mkdirSync(layer);
  writeStubLayer(scope.host.fileCalls, layer, stubs, (path) => (path === '/' ? tree.path : tree.path + path));
  return scope.mountTree({ lowers: [`${scope.filesRelative}/${name}`, tree.relative] }).path;
}

/** Topmost excluded entries, each with a leading slash; what an exception makes visible again stays. */
export function findExcluded(root: string, patterns: readonly string[]): string[] {
  const matcher = compilePatterns(patterns);
  const found: string[] = [];
  /** Returns whether anything below stays visible. */
  const walk = (path: string, parent: ParentMatch | null): boolean => {
    let visible = false;
    for (const entry of readdirSync(fsPath(join(root, path)), { withFileTypes: true, encoding: 'buffer' })) {
      const name = pathFromBytes(entry.name);
      const child = path === '' ? name : `${path}/${name}`;
      const own = entry.isDirectory() ? new Uint8Array(matcher.rules.length) : null;
      const excluded = matcher.excludes(matcher.decide(child, parent, own));
      const mark = found.length;
      const enter = own !== null && (!excluded || matcher.mayReincludeBelow(child));
      const below = enter && walk(child, own);
      if (excluded && !below) {
        found.length = mark;
        found.push(`/${child}`);
      } else visible = true;
    }
    return visible;
  };
  walk('', null);
  return found;
}
