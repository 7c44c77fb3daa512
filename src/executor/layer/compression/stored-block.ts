// Blocks that deflate cannot shrink (media, archives, ciphertext) crawl through it for nothing. They
// are found by a sample and written as stored deflate blocks (RFC 1951, 3.2.4), which is a copy.
import { deflateRawSync } from 'node:zlib';

/** Most bytes one stored block can carry. */
const STORED_MAX = 65_535;
/** Below this a trial costs more than it saves. */
const SMALLEST = 64 * 1024;
const SAMPLE = 16 * 1024;
/** Bits per byte from which order-0 statistics alone leave nothing to gain. */
const HIGH_ENTROPY = 7.85;
/** A trial must save at least this share. */
const WORTHWHILE = 0.98;

/** Bytes of `size` bytes of input in stored form. */
export const storedSize = (size: number): number => size + 5 * Math.ceil(size / STORED_MAX);

/** `block` as stored, non-final deflate blocks at a byte boundary, into `target` when given (whole when it fits exactly). */
export function storeBlock(block: Uint8Array, target?: Buffer): Buffer {
  const size = storedSize(block.length);
  const out = target ?? Buffer.allocUnsafe(size);
  let at = 0;
  for (let from = 0; from < block.length; from += STORED_MAX) {
    const length = Math.min(STORED_MAX, block.length - from);
    out[at] = 0;
    out.writeUInt16LE(length, at + 1);
    out.writeUInt16LE(~length & 0xffff, at + 3);
    out.set(block.subarray(from, from + length), at + 5);
    at += 5 + length;
  }
  return out.length === size ? out : out.subarray(0, size);
}

/**
 * True when compressing `block` would waste time. Two gates: byte statistics of three samples, which
 * cost 50 µs, and for those that look random a trial, so that repeated random-looking data still shrinks.
 */
export function looksIncompressible(block: Uint8Array, level: number): boolean {
  if (level === 0) return true;
  if (block.length < SMALLEST) return false;
  const last = block.length - SAMPLE;
  const samples = [0, last >> 1, last].map((at) => block.subarray(at, at + SAMPLE));
  if (!samples.every((sample) => entropyOf(sample) > HIGH_ENTROPY)) return false;
  // Neighbouring bytes, not samples from all over: deflate looks back 32 KiB.
  const trial = block.subarray(last >> 1, (last >> 1) + 2 * SAMPLE);
  return deflateRawSync(trial, { level: 1, chunkSize: 2 * SAMPLE + 1024 }).length > trial.length * WORTHWHILE;
}

/** Shannon entropy of single bytes, in bits. */
function entropyOf(sample: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const byte of sample) counts[byte] = (counts[byte] ?? 0) + 1;
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / sample.length);
  return bits / sample.length;
}
