// What a step fails with that was ended from outside.
import { TsbuildError } from '../../core/errors.ts';

/** The error 'exec/cancelled'. */
export const cancelled = (message = 'the step was cancelled'): TsbuildError => new TsbuildError({ code: 'exec/cancelled', message });
