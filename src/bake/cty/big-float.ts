// Numbers of HCL: binary floating point with 512 bits of mantissa, as cty uses them. Each number knows
// its precision, because it decides how many decimal digits are shown.

export interface BigFloat {
  /** value = mantissa × 2^exponent */
  readonly mantissa: bigint;
  readonly exponent: number;
  /** Bits that results of arithmetic keep. */
  readonly precision: number;
  /** -0: equal to 0, but shown and multiplied as what it is. */
  readonly negativeZero?: true;
}

export const LITERAL_PRECISION = 512;
/** Precision of counts that functions return (Go's int64). */
const INTEGER_PRECISION = 64;
/** Decimal exponents beyond this are refused: such a number is a mistake or an attack, and its text would fill memory. */
const MOST_DECIMAL_EXPONENT = 20_000;

const bitLength = (value: bigint): number =>
  value === 0n ? 0 : (value < 0n ? -value : value).toString(16).length * 4 - leadingZeros(value);

function leadingZeros(value: bigint): number {
  const digit = Number.parseInt((value < 0n ? -value : value).toString(16).charAt(0), 16);
  return Math.clz32(digit) - 28;
}

/** Rounds to `precision` bits, half to even; `sticky` says that bits below were cut off already. */
export function roundBits(mantissa: bigint, exponent: number, precision: number, sticky = false): BigFloat {
  if (mantissa === 0n) return { mantissa: 0n, exponent: 0, precision };
  const excess = bitLength(mantissa) - precision;
  if (excess <= 0) return strip(mantissa, exponent, precision);
  const negative = mantissa < 0n;
  const magnitude = negative ? -mantissa : mantissa;
  const shift = BigInt(excess);
  let kept = magnitude >> shift;
  const rest = magnitude - (kept << shift);
  const half = 1n << (shift - 1n);
  if (rest > half || (rest === half && (sticky || (kept & 1n) === 1n))) kept += 1n;
  return strip(negative ? -kept : kept, exponent + excess, precision);
}

/** Without trailing zero bits, so that equal numbers look equal. */
function strip(mantissa: bigint, exponent: number, precision: number): BigFloat {
  let value = mantissa;
  let power = exponent;
  while ((value & 0xffff_ffffn) === 0n) {
    value >>= 32n;
    power += 32;
  }
  while ((value & 1n) === 0n) {
    value >>= 1n;
    power += 1;
  }
  return { mantissa: value, exponent: power, precision };
}

export const fromInteger = (value: bigint | number, precision = INTEGER_PRECISION): BigFloat => roundBits(BigInt(value), 0, precision);

/** Decimal text `-12.5e3`; null when it is none, or absurdly large or small. */
export function parseDecimal(text: string, precision = LITERAL_PRECISION): BigFloat | null {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  if (whole === '' && fraction === '') return null;
  const exponent = Number(power) - fraction.length;
  if (Math.abs(exponent) > MOST_DECIMAL_EXPONENT || whole.length + fraction.length > MOST_DECIMAL_EXPONENT) return null;
  const digits = BigInt(whole + fraction);
  const signed = sign === '-' ? -digits : digits;
  const value =
    exponent >= 0 ? roundBits(signed * 10n ** BigInt(exponent), 0, precision) : quotient(signed, 10n ** BigInt(-exponent), 0, precision);
  return signedZero(value, sign === '-');
}

function quotient(top: bigint, bottom: bigint, exponent: number, precision: number): BigFloat {
  if (top === 0n) return { mantissa: 0n, exponent: 0, precision };
  const shift = Math.max(0, precision + 3 + bitLength(bottom) - bitLength(top));
  const scaled = top << BigInt(shift);
  const whole = scaled / bottom;
  return roundBits(whole, exponent - shift, precision, whole * bottom !== scaled);
}

const wider = (a: BigFloat, b: BigFloat): number => Math.max(a.precision, b.precision);

export function add(a: BigFloat, b: BigFloat): BigFloat {
  const [left, right, exponent] = aligned(a, b);
  return signedZero(roundBits(left + right, exponent, wider(a, b)), a.negativeZero === true && b.negativeZero === true);
}

export const negate = (a: BigFloat): BigFloat => (a.mantissa === 0n ? signedZero(a, !isNegative(a)) : { ...a, mantissa: -a.mantissa });

const isNegative = (a: BigFloat): boolean => a.mantissa < 0n || a.negativeZero === true;

/** `a` with that sign when it is zero. */
function signedZero(a: BigFloat, negative: boolean): BigFloat {
  if (a.mantissa !== 0n) return a;
  const { negativeZero: _, ...zero } = a;
  return negative ? { ...zero, negativeZero: true } : zero;
}

export const subtract = (a: BigFloat, b: BigFloat): BigFloat => add(a, negate(b));

/** A product keeps up to 512 bits when it needs them. */
export function multiply(a: BigFloat, b: BigFloat): BigFloat {
  const product = roundBits(a.mantissa * b.mantissa, a.exponent + b.exponent, LITERAL_PRECISION);
  const precision = Math.max(wider(a, b), bitLength(product.mantissa));
  return signedZero({ ...product, precision }, isNegative(a) !== isNegative(b));
}

/** `b` is not zero. */
export const divide = (a: BigFloat, b: BigFloat): BigFloat => {
  const positive = b.mantissa < 0n ? -b.mantissa : b.mantissa;
  const result = quotient(b.mantissa < 0n ? -a.mantissa : a.mantissa, positive, a.exponent - b.exponent, wider(a, b));
  return signedZero(result, isNegative(a) !== isNegative(b));
};

/** Remainder with the sign of `a`; by zero, `a` itself. */
export function modulo(a: BigFloat, b: BigFloat): BigFloat {
  if (b.mantissa === 0n) return a;
  const whole = roundBits(truncate(divide(a, b)), 0, a.precision);
  const product = roundBits(b.mantissa * whole.mantissa, b.exponent + whole.exponent, a.precision);
  return { ...subtract(a, product), precision: a.precision };
}

function aligned(a: BigFloat, b: BigFloat): [bigint, bigint, number] {
  if (a.mantissa === 0n) return [0n, b.mantissa, b.exponent];
  if (b.mantissa === 0n) return [a.mantissa, 0n, a.exponent];
  const exponent = Math.min(a.exponent, b.exponent);
  return [a.mantissa << BigInt(a.exponent - exponent), b.mantissa << BigInt(b.exponent - exponent), exponent];
}

/** Negative, zero or positive, as for sorting. */
export function compare(a: BigFloat, b: BigFloat): number {
  const [left, right] = aligned(a, b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Integer part, towards zero. */
export const truncate = (a: BigFloat): bigint => {
  if (a.exponent >= 0) return a.mantissa << BigInt(a.exponent);
  const magnitude = (a.mantissa < 0n ? -a.mantissa : a.mantissa) >> BigInt(-a.exponent);
  return a.mantissa < 0n ? -magnitude : magnitude;
};

export const isInteger = (a: BigFloat): boolean => a.exponent >= 0 || a.mantissa === 0n;

export const toDouble = (a: BigFloat): number => Number(formatDecimal(a));

/** A double as Go's big.NewFloat makes it; `value` is finite. */
export function fromDouble(value: number): BigFloat {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const field = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xf_ffff_ffff_ffffn;
  const mantissa = field === 0 ? fraction : fraction | (1n << 52n);
  const result = roundBits(bits >> 63n === 1n ? -mantissa : mantissa, (field === 0 ? 1 : field) - 1075, 53);
  return signedZero(result, bits >> 63n === 1n);
}

/** The shortest decimal that reads back as the same number at its precision, without an exponent. */
export function formatDecimal(a: BigFloat): string {
  if (a.mantissa === 0n) return a.negativeZero === true ? '-0' : '0';
  const negative = a.mantissa < 0n;
  const magnitude = negative ? -a.mantissa : a.mantissa;
  const bits = bitLength(magnitude);
  const text =
    a.exponent >= 0 && bits + a.exponent <= a.precision
      ? (magnitude << BigInt(a.exponent)).toString()
      : shortest(magnitude << BigInt(Math.max(0, a.precision + 1 - bits)), a.exponent - Math.max(0, a.precision + 1 - bits));
  return negative ? `-${text}` : text;
}

/** `mantissa` has one bit more than the precision, so its lowest bit is half a unit. */
function shortest(mantissa: bigint, exponent: number): string {
  const inclusive = (mantissa & 2n) === 0n;
  const scale = exponent < 0 ? 5n ** BigInt(-exponent) : 1n << BigInt(exponent);
  const upper = ((mantissa + 1n) * scale).toString();
  const exact = (mantissa * scale).toString().padStart(upper.length, '0');
  const lower = ((mantissa - 1n) * scale).toString().padStart(upper.length, '0');
  const point = upper.length + Math.min(exponent, 0);
  const lowerEnd = lower.replace(/0+$/, '').length;
  const upperEnd = upper.replace(/0+$/, '').length;
  const exactEnd = exact.replace(/0+$/, '').length;
  for (let at = 0; at < exactEnd; at += 1) {
    const digit = exact.charCodeAt(at);
    const top = upper.charCodeAt(at);
    const down = lower.charCodeAt(at) !== digit || (inclusive && at + 1 === lowerEnd);
    const up = digit !== top && (inclusive || digit + 1 < top || at + 1 < upperEnd);
    if (down || up) return withPoint(cut(exact, at + 1, down, up), point);
  }
  return withPoint(exact.slice(0, exactEnd), point);
}

function cut(digits: string, length: number, down: boolean, up: boolean): string {
  const kept = digits.slice(0, length);
  const rest = digits.slice(length).replace(/0+$/, '');
  const half = rest === '5' ? (kept.charCodeAt(length - 1) & 1) === 1 : rest.charAt(0) >= '5' && rest !== '';
  if (!up || (down && !half)) return kept;
  return (BigInt(kept) + 1n).toString().padStart(length, '0');
}

/** Puts the decimal point after `point` digits (may be negative or past the end). */
function withPoint(digits: string, point: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : '';
  const fraction = (point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits).replace(/0+$/, '');
  const head = whole.replace(/^0+(?=\d)/, '') || '0';
  return fraction === '' ? head : `${head}.${fraction}`;
}
