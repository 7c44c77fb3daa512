// Laws of copying random trees over random bases, checked on the planned layer itself.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import { type CopyCase, printTreeLine, type TreeLine } from './case-file.ts';
import { planCase } from './plan-case.ts';

const name = fc.constantFrom('a', 'b', 'c', 'a.b', 'é', ' ');
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const metadata = { uid: fc.constantFrom(0, 7), gid: fc.constantFrom(0, 8), mtime: fc.integer({ min: 0, max: 1_600_000_000 }) };
const node = fc.oneof(
  fc.record({
    type: fc.constant('file' as const),
    mode: fc.constantFrom(0o644, 0o4755),
    content: fc.constantFrom('', 'x', 'yy'),
    ...metadata,
  }),
  fc.record({
    type: fc.constant('symlink' as const),
    mode: fc.constant(0o777),
    link: fc.constantFrom('a', '../b', '/c', 'nowhere'),
    ...metadata,
  }),
);

/** Files and links at random paths; directories above them as needed, conflicts dropped. */
const tree = fc.array(fc.tuple(path, node), { maxLength: 8 }).map((pairs) => {
  const lines = new Map<string, TreeLine>();
  for (const [at, value] of pairs) {
    const parents = at
      .split('/')
      .slice(0, -1)
      .map((_, index, parts) => parts.slice(0, index + 1).join('/'));
    if (lines.has(at) || parents.some((parent) => (lines.get(parent)?.type ?? 'dir') !== 'dir')) continue;
    for (const parent of parents) {
      const directory: TreeLine = { path: parent, type: 'dir', mode: 0o750, uid: 3, gid: 3, size: 0, mtime: 1_234_567_890, now: false };
      if (!lines.has(parent)) lines.set(parent, directory);
    }
    const content = 'content' in value ? value.content : undefined;
    lines.set(at, { path: at, now: false, size: content?.length ?? 0, ...value } as TreeLine);
  }
  return [...lines.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
});

function caseOf(base: readonly TreeLine[], source: readonly TreeLine[], instructions: readonly string[]): CopyCase {
  const sections = new Map([
    ['src', source.map(printTreeLine)],
    ['base', base.map(printTreeLine)],
  ]);
  return { comment: [], instructions, sections };
}

/** Layers, or null where the copy is refused with a code, as it must be for conflicts. */
async function layersOf(value: CopyCase): Promise<string[][] | null> {
  try {
    return await planCase(value);
  } catch (error) {
    expect(error).toBeInstanceOf(TsbuildError);
    return null;
  }
}

describe('copies of random trees', () => {
  it('bring every file and link of the source to the destination, with all its metadata', async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (source) => {
        const [layer] = (await layersOf(caseOf([], source, ['COPY --from=src / /to/']))) ?? [];
        const copied = source.filter(({ type }) => type !== 'dir').map((line) => printTreeLine({ ...line, path: `to/${line.path}` }));
        expect(layer?.filter((line) => !line.startsWith('d ')).toSorted()).toEqual(copied.toSorted());
      }),
    );
  });

  it('are idempotent: the second layer holds nothing', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, async (base, source) => {
        const layers = await layersOf(caseOf(base, source, ['COPY --from=src / /', 'COPY --from=src / /']));
        expect(layers?.[1] ?? []).toEqual([]);
      }),
    );
  });

  it('list each path once, after its parents', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, fc.constantFrom('/', '/a', '/a/b/', '/new/c'), async (base, source, dest) => {
        const [layer = []] = (await layersOf(caseOf(base, source, [`COPY --from=src / ${dest}`]))) ?? [];
        const paths = layer.map((line) => /^\S+ \S+ \S+ \S+ (.*?)(?: = .*| -> .*)?$/.exec(line)?.[1] ?? '');
        for (const [index, at] of paths.entries()) {
          expect(paths.indexOf(at)).toBe(index);
          const parent = at.slice(0, Math.max(0, at.lastIndexOf('/')));
          if (parent !== '') expect(paths.slice(0, index)).toContain(parent);
        }
      }),
    );
  });
});
