// Durations as Go's time.ParseDuration reads them (`1m30s`, `.5h`, `0`), in nanoseconds.

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  '\u00b5s': 1_000n,
  '\u03bcs': 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const MAX = 2n ** 63n - 1n;
const TERM = /(\d*)(?:\.(\d*))?([^\d.]+)/y;

/** Nanoseconds, negative when written so; null when malformed or out of range. */
export function parseDuration(text: string): number | null {
  const negative = text.startsWith('-');
  const digits = text.replace(/^[-+]/, '');
  if (digits === '0') return 0;
  if (digits === '' || digits.length > 200) return null;
  let total = 0n;
  TERM.lastIndex = 0;
  for (let at = 0; at < digits.length; at = TERM.lastIndex) {
    TERM.lastIndex = at;
    const match = TERM.exec(digits);
    if (match === null) return null;
    const [, whole = '', fraction = '', unitName = ''] = match;
    const unit = Object.hasOwn(UNITS, unitName) ? UNITS[unitName] : undefined;
    if (unit === undefined || whole + fraction === '') return null;
    total += BigInt(whole === '' ? 0 : whole) * unit;
    if (fraction !== '') total += (BigInt(fraction) * unit) / 10n ** BigInt(fraction.length);
    if (total > MAX) return null;
  }
  return Number(negative ? -total : total);
}
