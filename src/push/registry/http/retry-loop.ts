// The loop around one request: runs it until it succeeds, fails for good, or the attempts are used up.
import { errnoOf, type TsbuildError } from '../../../core/errors.ts';
import { errorFromFailure, errorFromResponse, type FailedRequest } from '../registry-error.ts';
import { isRetryableFailure, isRetryableStatus, type RetryPolicy, retryDelay, type Timer } from './retry.ts';
import { type HttpResponse, STALE_CONNECTION } from './transport.ts';

export interface RetryLoop {
  readonly policy: RetryPolicy;
  readonly timer: Timer;
  /** The host has answered something before: then absence is an outage, not a wrong name. */
  readonly hasAnswered: () => boolean;
}

export interface RepeatedRequest extends FailedRequest {
  readonly attempts: number;
  readonly signal?: AbortSignal | undefined;
}

/** Connections found dead in a row before that is taken for a failure. */
const MAX_STALE = 3;

/** An error status that the table allows to repeat; `reason` is thrown when attempts run out. */
class RetryableAnswer extends Error {
  readonly reason: TsbuildError;
  readonly retryAfter: string | undefined;

  constructor(reason: TsbuildError, retryAfter: string | undefined) {
    super(reason.message);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** What an attempt throws for a status that is no answer. Reads and closes the body. */
export async function failureOf(request: FailedRequest, response: HttpResponse): Promise<Error> {
  const reason = await errorFromResponse(request, response);
  return isRetryableStatus(response.status) ? new RetryableAnswer(reason, response.headers['retry-after']) : reason;
}

/** Throws TsbuildError, or the abort itself. */
export async function repeatRequest<T>(loop: RetryLoop, request: RepeatedRequest, attempt: () => Promise<T>): Promise<T> {
  const { policy, timer } = loop;
  let stale = 0;
  for (let count = 1; ; count += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (errnoOf(error) === STALE_CONNECTION && stale < MAX_STALE) {
        stale += 1;
        count -= 1;
        continue;
      }
      const answer = error instanceof RetryableAnswer ? error : undefined;
      const again = count < request.attempts && (answer !== undefined || isRetryableFailure(error, loop.hasAnswered()));
      if (!again) throw answer?.reason ?? errorFromFailure(request, error);
      await timer.sleep(retryDelay(count, policy, timer, answer?.retryAfter), request.signal);
    }
  }
}
