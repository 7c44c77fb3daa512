// The bcrypt password hash (Provos and Mazières, "A Future-Adaptable Password Scheme", 1999), which Node
// does not have. Blowfish's tables are the fraction of pi, so they are computed instead of listed.
import { randomBytes } from 'node:crypto';

const ALPHABET = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const ROUNDS = 16;
const WORDS = ROUNDS + 2 + 4 * 256;

/** The first `count` 32-bit words after the point of pi, by Machin's formula. */
function piWords(count: number): Uint32Array {
  const guard = 64n;
  const bits = BigInt(count * 32) + guard;
  const one = 1n << bits;
  const arctan = (inverse: bigint): bigint => {
    let power = one / inverse;
    let sum = power;
    for (let divisor = 3n, negative = true; power !== 0n; divisor += 2n, negative = !negative) {
      power /= inverse * inverse;
      sum += negative ? -(power / divisor) : power / divisor;
    }
    return sum;
  };
  const fraction = (4n * (4n * arctan(5n) - arctan(239n)) - 3n * one) >> guard;
  const hex = fraction.toString(16).padStart(count * 8, '0');
  return Uint32Array.from({ length: count }, (_, at) => Number.parseInt(hex.slice(at * 8, at * 8 + 8), 16));
}

class Blowfish {
  private readonly p: Uint32Array;
  private readonly s: Uint32Array;

  constructor() {
    const words = piWords(WORDS);
    this.p = words.slice(0, ROUNDS + 2);
    this.s = words.slice(ROUNDS + 2);
  }

  private mix(x: number): number {
    const { s } = this;
    const sum = ((s[x >>> 24] ?? 0) + (s[256 + ((x >>> 16) & 255)] ?? 0)) | 0;
    return ((sum ^ (s[512 + ((x >>> 8) & 255)] ?? 0)) + (s[768 + (x & 255)] ?? 0)) | 0;
  }

  /** Encrypts the pair of words at `at` in place. */
  encrypt(block: Uint32Array, at: number): void {
    let left = block[at] ?? 0;
    let right = block[at + 1] ?? 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      left ^= this.p[round] ?? 0;
      const next = right ^ this.mix(left);
      right = left;
      left = next;
    }
    block[at] = right ^ (this.p[ROUNDS + 1] ?? 0);
    block[at + 1] = left ^ (this.p[ROUNDS] ?? 0);
  }

  /** The expensive key schedule: mixes `key`, and `salt` when given. */
  expand(key: Uint32Array, salt: Uint32Array | null): void {
    for (let at = 0; at < this.p.length; at += 1) this.p[at] = (this.p[at] ?? 0) ^ (key[at % key.length] ?? 0);
    const block = new Uint32Array(2);
    let used = 0;
    for (const table of [this.p, this.s]) {
      for (let at = 0; at < table.length; at += 2) {
        if (salt !== null) {
          block[0] = (block[0] ?? 0) ^ (salt[used % 4] ?? 0);
          block[1] = (block[1] ?? 0) ^ (salt[(used + 1) % 4] ?? 0);
          used += 2;
        }
        this.encrypt(block, 0);
        table[at] = block[0] ?? 0;
        table[at + 1] = block[1] ?? 0;
      }
    }
  }
}

const words = (bytes: Uint8Array, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, at) =>
    [0, 1, 2, 3].reduce((word, part) => ((word << 8) | (bytes[(at * 4 + part) % bytes.length] ?? 0)) >>> 0, 0),
  );

/** `$2a$…` with 2^cost rounds; `salt` is 16 bytes. Only the first 72 bytes of the password count. */
export function bcryptHash(password: string, cost: number, salt: Uint8Array = randomBytes(16)): string {
  const key = words(Buffer.concat([Buffer.from(password).subarray(0, 72), Buffer.from([0])]).subarray(0, 72), ROUNDS + 2);
  const saltWords = words(salt, 4);
  const cipher = new Blowfish();
  cipher.expand(key, saltWords);
  for (let round = 0; round < 2 ** cost; round += 1) {
    cipher.expand(key, null);
    cipher.expand(words(salt, ROUNDS + 2), null);
  }
  const text = words(Buffer.from('OrpheanBeholderScryDoubt'), 6);
  for (let pair = 0; pair < 6; pair += 2) for (let round = 0; round < 64; round += 1) cipher.encrypt(text, pair);
  const bytes = Buffer.alloc(24);
  for (const [at, word] of text.entries()) bytes.writeUInt32BE(word, at * 4);
  return `$2a$${String(cost).padStart(2, '0')}$${encode(salt)}${encode(bytes.subarray(0, 23))}`;
}

/** bcrypt's own base64: another alphabet, no padding. */
function encode(bytes: Uint8Array): string {
  const standard = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  return Buffer.from(bytes)
    .toString('base64')
    .replace(/=+$/, '')
    .replace(/./g, (char) => ALPHABET.charAt(standard.indexOf(char)));
}
