// What of a host directory .dockerignore leaves out, as the fewest paths that have to be hidden.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { compilePatterns, type ParentMatch } from '../../../context/pattern-matcher.ts';
import { fsPath, pathFromBytes } from '../../../core/path-bytes.ts';

/** Topmost excluded entries, each with a leading slash; what an exception makes visible again stays. Throws 'context/bad-pattern'. */
export function findExcluded(root: string, patterns: readonly string[]): string[] {
  if (patterns.length === 0) return [];
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
