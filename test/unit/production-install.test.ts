// `npm ci --omit=dev` leaves the program whole: nothing that it imports or is run by is for development only.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const HOME = new URL('../../', import.meta.url).pathname;
const { dependencies } = JSON.parse(readFileSync(join(HOME, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
const lock = JSON.parse(readFileSync(join(HOME, 'package-lock.json'), 'utf8')) as { packages: Record<string, { dev?: boolean }> };

/** Package of every import of a module that is neither a file nor Node's own. */
function importedPackages(): Set<string> {
  const packages = new Set<string>();
  for (const name of readdirSync(join(HOME, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const source = readFileSync(join(HOME, 'src', name), 'utf8');
    for (const [, specifier = ''] of source.matchAll(/(?:^import .*?from |^} from |^export .*? from |\bimport\()'([^']+)'/gm)) {
      if (!/^(?:\.|node:)/.test(specifier)) packages.add(specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
    }
  }
  return packages;
}

it('has every package that the sources import, and Node', () => {
  const needed = [...importedPackages(), 'node'];
  expect(needed).toContain('koffi');
  expect(needed.filter((name) => dependencies[name] === undefined)).toEqual([]);
  expect(needed.filter((name) => lock.packages[`node_modules/${name}`]?.dev === true)).toEqual([]);
});
