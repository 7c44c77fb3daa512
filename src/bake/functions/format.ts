// format() and formatlist(): printf as cty has it.
import { type BigFloat, formatDecimal, isInteger, parseDecimal, toDouble, truncate } from '../cty/big-float.ts';
import { encodeJson, jsonText } from '../cty/json.ts';
import { STRING } from '../cty/types.ts';
import { isItems, isNumber, listValue, stringValue, type Value } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { itemsAt, nullable, text, textAt, variadic } from './arguments.ts';
import { graphemes } from './strings.ts';

interface Verb {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | null;
  readonly letter: string;
}

const VERB = /%([ +\-0#]*)(\d{1,4})?(?:\.(\d{0,4}))?(?:\[(\d{1,4})\])?([a-zA-Z%])/y;

function formatText(pattern: string, args: readonly Value[]): string {
  let result = '';
  let used = 0;
  let next = 0;
  for (let index = 0; index < pattern.length; ) {
    const percent = pattern.indexOf('%', index);
    if (percent === -1) return finish(result + pattern.slice(index), used, args.length);
    result += pattern.slice(index, percent);
    VERB.lastIndex = percent;
    const match = VERB.exec(pattern);
    if (match === null) throw new CallProblem(`unrecognized format sequence at offset ${percent}`, 0);
    index = VERB.lastIndex;
    const [, flags = '', width, precision, position, letter = ''] = match;
    if (letter === '%') {
      result += '%';
      continue;
    }
    const which = position === undefined ? next : Number(position) - 1;
    const arg = args[which];
    if (arg === undefined)
      throw new CallProblem(
        `not enough arguments for ${JSON.stringify(match[0])} at ${percent}: need index ${which}, but there are ${args.length} in total`,
        0,
      );
    next = which + 1;
    used = Math.max(used, next);
    result += formatValue(
      { flags, width: Number(width ?? 0), precision: precision === undefined ? null : Number(precision || 0), letter },
      arg,
    );
  }
  return finish(result, used, args.length);
}

function finish(result: string, used: number, given: number): string {
  if (used >= given) return result;
  throw new CallProblem(
    used === 0 ? 'too many arguments; no verbs in the format string' : `too many arguments; only ${used} used by the format string`,
    1,
  );
}

function formatValue(verb: Verb, value: Value): string {
  switch (verb.letter) {
    case 'v':
      if (verb.flags.includes('#')) return padded(encodeJson(value), verb);
      if (value.payload === null) return padded('null', verb);
      if (typeof value.payload === 'string') return textVerb(verb, value.payload);
      return isNumber(value)
        ? numberVerb({ ...verb, letter: 'g' }, value.payload)
        : padded(typeof value.payload === 'boolean' ? String(value.payload) : encodeJson(value), verb);
    case 't':
      return padded(boolText(value), verb);
    case 's':
      return textVerb(verb, plainText(value, verb));
    case 'q':
      return padded(jsonText(plainText(value, verb)), verb);
    default:
      if (!/[bdoxXeEfgG]/.test(verb.letter)) throw new CallProblem(`unsupported format verb %${verb.letter}`, 0);
      return numberVerb(verb, numberOf(value, verb));
  }
}

function unsupported(verb: Verb, reason: string): CallProblem {
  return new CallProblem(`unsupported value for %${verb.letter}: ${reason}`);
}

function boolText(value: Value): string {
  if (value.payload === true || value.payload === 'true') return 'true';
  if (value.payload === false || value.payload === 'false') return 'false';
  throw new CallProblem('unsupported value for %t: a bool is required');
}

function plainText(value: Value, verb: Verb): string {
  if (typeof value.payload === 'string') return value.payload;
  if (typeof value.payload === 'boolean') return String(value.payload);
  if (isNumber(value)) return formatDecimal(value.payload);
  throw unsupported(verb, value.payload === null ? 'null value cannot be formatted' : 'text is required');
}

function numberOf(value: Value, verb: Verb): BigFloat {
  const number = isNumber(value) ? value.payload : typeof value.payload === 'string' ? parseDecimal(value.payload) : null;
  if (number === null) throw unsupported(verb, value.payload === null ? 'null value cannot be formatted' : 'a number is required');
  return number;
}

function textVerb(verb: Verb, source: string): string {
  return padded(verb.precision === null ? source : graphemes(source).slice(0, verb.precision).join(''), verb);
}

const BASES: Readonly<Record<string, number>> = { b: 2, o: 8, d: 10, x: 16, X: 16 };

function numberVerb(verb: Verb, value: BigFloat): string {
  const base = BASES[verb.letter];
  if (base === undefined) return signed(floatText(verb, value), verb);
  if (!isInteger(value)) throw unsupported(verb, 'a whole number is required');
  const digits = truncate(value).toString(base);
  return signed(verb.letter === 'X' ? digits.toUpperCase() : digits, verb);
}

function signed(digits: string, verb: Verb): string {
  const sign = digits.startsWith('-') ? '-' : verb.flags.includes('+') ? '+' : verb.flags.includes(' ') ? ' ' : '';
  const magnitude = digits.replace(/^-/, '');
  const zeros = verb.flags.includes('0') && !verb.flags.includes('-') ? magnitude.padStart(verb.width - sign.length, '0') : magnitude;
  return padded(sign + zeros, verb);
}

function padded(source: string, verb: Verb): string {
  const missing = verb.width - graphemes(source).length;
  if (missing <= 0) return source;
  return verb.flags.includes('-') ? source + ' '.repeat(missing) : ' '.repeat(missing) + source;
}

/** Precision defaults to 6 for e and f, and to the shortest text for g. */
function floatText(verb: Verb, value: BigFloat): string {
  const letter = verb.letter.toLowerCase();
  const upper = (shown: string): string => (verb.letter === letter ? shown : shown.toUpperCase());
  if (letter === 'f') return fixed(value, Math.min(verb.precision ?? 6, 100));
  if (letter === 'e') return upper(exponent(toDouble(value).toExponential(Math.min(verb.precision ?? 6, 100))));
  const decimal = formatDecimal(value);
  const power = decimalPower(decimal);
  if (verb.precision === null) return power < -4 || power >= 6 ? upper(scientific(decimal, power)) : decimal;
  return upper(exponent(String(Number(toDouble(value).toPrecision(Math.min(Math.max(verb.precision, 1), 100))))));
}

/** Rounded half to even, with all digits exact. */
function fixed(value: BigFloat, places: number): string {
  const magnitude = (value.mantissa < 0n ? -value.mantissa : value.mantissa) * 10n ** BigInt(places);
  const shift = BigInt(Math.max(0, -value.exponent));
  const shifted = magnitude << BigInt(Math.max(0, value.exponent));
  const rest = shifted & ((1n << shift) - 1n);
  const whole = shifted >> shift;
  const half = shift === 0n ? 1n : 1n << (shift - 1n);
  const up = shift > 0n && (rest > half || (rest === half && (whole & 1n) === 1n));
  const digits = (up ? whole + 1n : whole).toString().padStart(places + 1, '0');
  const text = places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
  return value.mantissa < 0n ? `-${text}` : text;
}

/** Two digits of exponent at least, as C does it. */
const exponent = (shown: string): string => shown.replace(/e([+-])(\d)$/, 'e$10$2');

/** Power of ten of the first digit. */
function decimalPower(decimal: string): number {
  const [whole = '', fraction = ''] = decimal.replace('-', '').split('.');
  if (whole !== '0') return whole.length - 1;
  const zeros = /^0*/.exec(fraction)?.[0].length ?? 0;
  return fraction === '' ? 0 : -zeros - 1;
}

function scientific(decimal: string, power: number): string {
  const digits = decimal.replace(/[-.]/g, '').replace(/^0+|0+$/g, '') || '0';
  const mantissa = digits.length === 1 ? digits : `${digits.charAt(0)}.${digits.slice(1)}`;
  const magnitude = String(Math.abs(power)).padStart(2, '0');
  return `${decimal.startsWith('-') ? '-' : ''}${mantissa}e${power < 0 ? '-' : '+'}${magnitude}`;
}

/** format() once per element of the lists, which all have the same length. */
function formatList(args: readonly Value[]): Value {
  const lists = args.slice(1).filter((arg) => isItems(arg.payload));
  const lengths = new Set(lists.map((list) => (isItems(list.payload) ? list.payload.length : 0)));
  if (lengths.size > 1) throw new CallProblem('all lists must have the same length');
  const [rounds = 1] = lengths;
  const results = Array.from({ length: rounds }, (_, round) => {
    const values = args.slice(1).map((arg, index) => (isItems(arg.payload) ? (itemsAt(args, index + 1)[round] ?? arg) : arg));
    return stringValue(formatText(textAt(args, 0), values));
  });
  return listValue(results, STRING);
}

export const FORMAT_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  format: variadic([text('format')], nullable('args'), (args) => stringValue(formatText(textAt(args, 0), args.slice(1)))),
  formatlist: variadic([text('format')], nullable('args'), formatList),
};
