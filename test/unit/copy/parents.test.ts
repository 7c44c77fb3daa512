// COPY --parents (C-36). Written by hand after the language reference: Docker Engine 28 does not know the flag.
import { describe, expect, it } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import { parseCase } from './case-file.ts';
import { planCase } from './plan-case.ts';

const CONTEXT = `
--- context
d 700 0:0 1500000002 a
d 711 0:0 1500000003 a/b
f 600 0:0 1500000004 a/b/c = "f"
d 701 0:0 1500000005 a/b/e
f 600 0:0 1500000006 a/b/e/c = "f"
d 710 0:0 1500000007 a/d
f 600 0:0 1500000008 a/d/c = "f"
f 600 0:0 1500000001 f = "f"
l 777 0:0 1500000001 link -> a
--- base
d 755 1:1 1400000001 old
d 755 1:1 1400000001 old/a
d 755 1:1 1400000001 old/a/b`;

/** Names with type, mode and owner of the layer of one instruction. */
const planned = async (instruction: string): Promise<string[]> => {
  const [lines = []] = await planCase(parseCase(`${instruction}${CONTEXT}`));
  return lines.map((line) => line.replace(/ (now|\d{10}) /, ' ').replace(/ = .*/, ''));
};

describe('--parents', () => {
  it.each([
    ['COPY --parents a/b/c /1/', ['d 755 0:0 1', 'd 700 0:0 1/a', 'd 711 0:0 1/a/b', 'f 600 0:0 1/a/b/c']],
    ['COPY --parents f /1/', ['d 755 0:0 1', 'f 600 0:0 1/f']],
    ['COPY --parents /a/b/e/ /1', ['d 755 0:0 1', 'd 700 0:0 1/a', 'd 711 0:0 1/a/b', 'd 701 0:0 1/a/b/e', 'f 600 0:0 1/a/b/e/c']],
    ['COPY --parents a/./b/c /1/', ['d 755 0:0 1', 'd 711 0:0 1/b', 'f 600 0:0 1/b/c']],
    ['COPY --parents a/./b/./c /1/', ['d 755 0:0 1', 'd 711 0:0 1/b', 'f 600 0:0 1/b/c']],
    [
      'COPY --parents a/*/c /1/',
      ['d 755 0:0 1', 'd 700 0:0 1/a', 'd 711 0:0 1/a/b', 'f 600 0:0 1/a/b/c', 'd 710 0:0 1/a/d', 'f 600 0:0 1/a/d/c'],
    ],
    [
      'COPY --parents a/b/**/c /1/',
      ['d 755 0:0 1', 'd 700 0:0 1/a', 'd 711 0:0 1/a/b', 'f 600 0:0 1/a/b/c', 'd 701 0:0 1/a/b/e', 'f 600 0:0 1/a/b/e/c'],
    ],
    ['COPY --parents --exclude=**/e a/b /1/', ['d 755 0:0 1', 'd 700 0:0 1/a', 'd 711 0:0 1/a/b', 'f 600 0:0 1/a/b/c']],
    ['COPY --parents nope* /1/', ['d 755 0:0 1']],
    ['COPY --parents link /1/', ['d 755 0:0 1', 'l 777 0:0 1/link -> a']],
    ['COPY --parents --chown=5:6 --chmod=750 a/d/c /1/', ['d 750 5:6 1', 'd 750 5:6 1/a', 'd 750 5:6 1/a/d', 'f 750 5:6 1/a/d/c']],
    // Existing directories keep their owner, as under Docker.
    ['COPY --parents a/b/c /old/', ['d 755 1:1 old', 'd 700 1:1 old/a', 'd 711 1:1 old/a/b', 'f 600 0:0 old/a/b/c']],
  ])('%s', async (instruction, expected) => {
    expect(await planned(instruction)).toEqual(expected);
  });

  it('keeps the time of a selected directory', async () => {
    const [lines] = await planCase(parseCase(`COPY --parents a/b /1/${CONTEXT}`));
    expect(lines).toContain('d 711 0:0 1500000003 1/a/b');
  });

  it('refuses a path that is missing', async () => {
    await expect(planCase(parseCase(`COPY --parents a/nope /1/${CONTEXT}`))).rejects.toThrow(TsbuildError);
    await expect(planCase(parseCase(`COPY --parents a/nope /1/${CONTEXT}`))).rejects.toMatchObject({ code: 'context/source-not-found' });
  });
});
