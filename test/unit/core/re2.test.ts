// What RE2 must do beyond the recorded cases of fixtures/bake/functions-regex: bounded time and size.
import { describe, expect, it } from 'vitest';
import { Re2 } from '../../../src/core/re2/re2.ts';
import { Re2Problem } from '../../../src/core/re2/re2-node.ts';

describe('RE2', () => {
  it('needs no time that grows faster than the text', () => {
    const hostile = ['(a+)+$', '(a|a)*b', '(a|aa)+$', '(.*a){20}$', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y'];
    const text = `${'a'.repeat(2000)}!`;
    for (const source of hostile) expect(new Re2(source).find(text)).toBeNull();
  });

  it('gives up on work that is too much, and says so', () => {
    const text = 'a'.repeat(30_000);
    expect(() => new Re2('(?:a?){1000}b').find(text)).toThrow(new Re2Problem('takes too long on a text of this length'));
  });

  it.each([
    ['more parentheses than anybody writes', '('.repeat(100_000)],
    ['repetitions that multiply', '((a{100}){100}){100}'],
    ['a program that is too large', `(?:${'[a-z]'.repeat(200)}){1000}`],
    ['an open class', '[a'.repeat(10_000)],
  ])('refuses %s', (_name, source) => {
    expect(() => new Re2(source)).toThrow(Re2Problem);
  });

  it('takes long alternatives and sequences', () => {
    const words = Array.from({ length: 5000 }, (_, at) => `word${at}`);
    expect(new Re2(words.join('|')).find('a word4999!')?.groups[0]).toBe('word4');
    expect(new Re2(`(?:${words.join('|')})!`).find('a word4999!')?.groups[0]).toBe('word4999!');
    expect(new Re2(`^${'a'.repeat(20_000)}$`).test('a'.repeat(20_000))).toBe(true);
  });

  it('cuts long matches whole', () => {
    const text = '😀'.repeat(10_000);
    expect(new Re2('.*').find(text)?.groups[0]).toBe(text);
  });
});
