// Which failures are worth repeating, and how long to wait before. One table, used for every request.
import { errnoOf } from '../../../core/errors.ts';
import { STALE_CONNECTION } from './transport.ts';

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** Milliseconds before the second attempt; doubles each time. */
  readonly baseDelay: number;
  readonly maxDelay: number;
  /** Longest Retry-After that is obeyed; longer ones are cut to this. */
  readonly maxRetryAfter: number;
}

export const DEFAULT_RETRY: RetryPolicy = { attempts: 5, baseDelay: 250, maxDelay: 8_000, maxRetryAfter: 60_000 };

/** Time as a capability, so that tests wait for nothing. */
export interface Timer {
  /** Milliseconds since the epoch. */
  now(): number;
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** 0..1, for jitter. */
  random(): number;
}

export const systemTimer: Timer = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: async (milliseconds, signal) => {
    const { setTimeout: wait } = await import('node:timers/promises');
    await wait(milliseconds, undefined, { ...(signal && { signal }) });
  },
};

const STATUSES = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Broken or stuck connections, and name servers that are overloaded. */
const BROKEN = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'EAI_AGAIN',
  'ENETDOWN',
  'ENETRESET',
  'ERR_STREAM_PREMATURE_CLOSE',
  STALE_CONNECTION,
]);
/** Worth repeating only for a host that answered before: otherwise the name or the port is wrong. */
const ABSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH']);

export const isRetryableStatus = (status: number): boolean => STATUSES.has(status);

export function isRetryableFailure(error: unknown, answeredBefore: boolean): boolean {
  const code = errnoOf(error) ?? '';
  return BROKEN.has(code) || (answeredBefore && ABSENT.has(code));
}

/**
 * Milliseconds to wait after failed attempt number `attempt` (1-based): what the server asked for,
 * bounded, else exponential with half of it random, so that many clients do not return together.
 */
export function retryDelay(attempt: number, policy: RetryPolicy, timer: Timer, retryAfter?: string): number {
  const asked = parseRetryAfter(retryAfter, timer.now());
  if (asked !== null) return Math.min(asked, policy.maxRetryAfter);
  const full = Math.min(policy.maxDelay, policy.baseDelay * 2 ** (attempt - 1));
  return Math.round(full / 2 + (full / 2) * timer.random());
}

/** Retry-After is seconds or an HTTP date. */
function parseRetryAfter(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text) * 1000;
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : Math.max(0, time - now);
}
