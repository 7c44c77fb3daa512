// Modes of --chmod beyond the recorded cases: what is refused, and laws of the symbolic form.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseModeChange } from '../../../src/executor/copy/file-mode.ts';

const mode = fc.integer({ min: 0, max: 0o7777 });
const clause = fc
  .tuple(
    fc.constantFrom('u', 'g', 'o', 'a', 'ug', 'go', ''),
    fc.constantFrom('+', '-', '='),
    fc.constantFrom('', 'r', 'rw', 'x', 'rwx', 'X', 's', 't', 'u', 'g', 'o'),
  )
  .map((parts) => parts.join(''));

describe('parseModeChange', () => {
  it.each(['', '8', '10000', 'rwx', 'u', 'u=q', 'z+x', 'u+x,', ',u+x', '0644x', '-1'.repeat(2)])('refuses %j', (text) => {
    expect(parseModeChange(text)).toBeNull();
  });

  it('reads octal modes as they are', () => {
    fc.assert(
      fc.property(mode, mode, fc.boolean(), (wanted, before, directory) => {
        const change = parseModeChange(wanted.toString(8));
        expect(change?.octal).toBe(wanted);
        expect(change?.apply(before, directory)).toBe(wanted);
      }),
    );
  });

  it('stays within the twelve bits, whatever the clauses', () => {
    fc.assert(
      fc.property(fc.array(clause, { minLength: 1, maxLength: 4 }), mode, fc.boolean(), (clauses, before, directory) => {
        const after = parseModeChange(clauses.join(','))?.apply(before, directory) ?? -1;
        expect(after).toBeGreaterThanOrEqual(0);
        expect(after).toBeLessThanOrEqual(0o7777);
      }),
    );
  });

  it('touches only the classes it names', () => {
    fc.assert(
      fc.property(mode, fc.constantFrom('+', '-', '='), fc.constantFrom('r', 'w', 'x', 'rw', 'rwx', ''), (before, operator, letters) => {
        const after = parseModeChange(`g${operator}${letters}`)?.apply(before, false) ?? -1;
        expect(after & 0o5707).toBe(before & 0o5707);
      }),
    );
  });

  it('gives + and - of the same bits as each other’s inverse', () => {
    fc.assert(
      fc.property(mode, fc.constantFrom('r', 'w', 'x', 'rwx'), (before, letters) => {
        expect(parseModeChange(`a+${letters},a-${letters}`)?.apply(before, false)).toBe(
          parseModeChange(`a-${letters}`)?.apply(before, false),
        );
      }),
    );
  });

  it('grants X to directories and to what was executable before the list', () => {
    const change = parseModeChange('a-x,a+X');
    expect(change?.apply(0o700, false)).toBe(0o711);
    expect(change?.apply(0o600, false)).toBe(0o600);
    expect(change?.apply(0o600, true)).toBe(0o711);
  });
});
