// The table of every code a user can meet, assembled from one file per module under codes/. It
// types the constructors and backs `tsbuild explain`; a test keeps each entry explained.
import { BAKE_DIAGNOSTICS, BAKE_ERRORS } from './codes/bake.ts';
import { BUILD_ERRORS } from './codes/build.ts';
import { CLI_ERRORS } from './codes/cli.ts';
import { CONTEXT_DIAGNOSTICS, CONTEXT_ERRORS } from './codes/context.ts';
import { EXEC_ERRORS } from './codes/exec.ts';
import { IMAGE_ERRORS } from './codes/image.ts';
import { PARSE_DIAGNOSTICS } from './codes/parse.ts';
import { PLAN_DIAGNOSTICS, PLAN_ERRORS } from './codes/plan.ts';
import { REGISTRY_ERRORS } from './codes/registry.ts';
import { STORE_ERRORS } from './codes/store.ts';

export interface CodeInfo {
  /** A few words, as a heading. */
  readonly title: string;
  /** What it means and what to do, one to four sentences. */
  readonly explanation: string;
}

/** Problems in a Dockerfile; raised as diagnostics. */
export const DIAGNOSTIC_CODES = { ...PARSE_DIAGNOSTICS, ...PLAN_DIAGNOSTICS, ...CONTEXT_DIAGNOSTICS, ...BAKE_DIAGNOSTICS };

/** Problems of the environment; thrown as TsbuildError. */
export const ERROR_CODES = {
  ...STORE_ERRORS,
  ...IMAGE_ERRORS,
  ...REGISTRY_ERRORS,
  ...EXEC_ERRORS,
  ...CONTEXT_ERRORS,
  ...PLAN_ERRORS,
  ...BUILD_ERRORS,
  ...BAKE_ERRORS,
  ...CLI_ERRORS,
};

export const ALL_CODES: Readonly<Record<string, CodeInfo>> = { ...DIAGNOSTIC_CODES, ...ERROR_CODES };

export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;
export type ErrorCode = keyof typeof ERROR_CODES;
