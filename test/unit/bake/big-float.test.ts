// Numbers of HCL: what cty's 512-bit floats print.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  add,
  compare,
  divide,
  formatDecimal,
  fromDouble,
  fromInteger,
  modulo,
  multiply,
  parseDecimal,
  truncate,
} from '../../../src/bake/cty/big-float.ts';

const number = (text: string) => {
  const parsed = parseDecimal(text);
  if (parsed === null) throw new Error(`${text} is no number`);
  return parsed;
};

describe('decimal text', () => {
  test.each([
    ['0', '0'],
    ['-0.50', '-0.5'],
    ['1e3', '1000'],
    ['1.5e-7', '0.00000015'],
    ['100000000000000000000000000000000000000001', '100000000000000000000000000000000000000001'],
    ['.5', '0.5'],
    ['007', '7'],
  ])('%s is shown as %s', (text, shown) => expect(formatDecimal(number(text))).toBe(shown));

  test.each(['', '.', 'e5', '1e', '0x10', '1_000', '1e99999999', '--1', ' 1'])('%j is no number', (text) =>
    expect(parseDecimal(text)).toBeNull(),
  );

  test('a sum of decimals is the decimal that people expect', () => {
    expect(formatDecimal(add(number('0.1'), number('0.2')))).toBe('0.3');
  });

  test('a quotient has as many digits as 512 bits tell apart', () => {
    expect(formatDecimal(divide(number('1'), number('3')))).toMatch(/^0\.3{150,}5?$/);
    expect(formatDecimal(divide(fromInteger(2), fromInteger(3)))).toBe('0.6666666666666666667');
  });
});

describe('laws', () => {
  const integers = fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n });

  test('integers are exact', () => {
    fc.assert(
      fc.property(integers, integers, (a, b) => {
        const [x, y] = [number(`${a}`), number(`${b}`)];
        expect(formatDecimal(add(x, y))).toBe(`${a + b}`);
        expect(truncate(multiply(x, y))).toBe(a * b);
        expect(Math.sign(compare(x, y))).toBe(a < b ? -1 : a > b ? 1 : 0);
      }),
    );
  });

  test('the remainder has the sign of the dividend and is less than the divisor', () => {
    fc.assert(
      fc.property(
        integers,
        integers.filter((value) => value !== 0n),
        (a, b) => {
          expect(truncate(modulo(number(`${a}`), number(`${b}`)))).toBe(a % b);
        },
      ),
    );
  });

  test('text reads back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const made = fromDouble(value);
        const again = number(formatDecimal(made));
        expect(compare(fromDouble(Number(formatDecimal(again))), made)).toBe(0);
      }),
    );
  });
});
