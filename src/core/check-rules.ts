// Docker's build checks (section 12): rule names as users write them in `check=skip=…`, and our codes.
import type { DiagnosticCode } from './codes.ts';
import type { Diagnostic } from './diagnostic.ts';

export const CHECK_CODES = {
  StageNameCasing: 'plan/stage-name-casing',
  FromAsCasing: 'plan/from-as-casing',
  NoEmptyContinuation: 'parse/empty-continuation',
  ConsistentInstructionCasing: 'plan/consistent-instruction-casing',
  DuplicateStageName: 'plan/duplicate-stage-name',
  ReservedStageName: 'plan/reserved-stage-name',
  JSONArgsRecommended: 'plan/json-args-recommended',
  MaintainerDeprecated: 'plan/maintainer-deprecated',
  UndefinedArgInFrom: 'plan/undefined-arg-in-from',
  WorkdirRelativePath: 'plan/workdir-relative-path',
  UndefinedVar: 'plan/undefined-var',
  MultipleInstructionsDisallowed: 'plan/multiple-instructions-disallowed',
  LegacyKeyValueFormat: 'plan/legacy-key-value-format',
  InvalidBaseImagePlatform: 'plan/invalid-base-image-platform',
  RedundantTargetPlatform: 'plan/redundant-target-platform',
  SecretsUsedInArgOrEnv: 'plan/secrets-used-in-arg-or-env',
  InvalidDefaultArgInFrom: 'plan/invalid-default-arg-in-from',
  FromPlatformFlagConstDisallowed: 'plan/from-platform-flag-const-disallowed',
  CopyIgnoredFile: 'plan/copy-ignored-file',
  ExposeProtoCasing: 'plan/expose-proto-casing',
  ExposeInvalidFormat: 'plan/expose-invalid-format',
  InvalidDefinitionDescription: 'plan/invalid-definition-description',
} as const satisfies Readonly<Record<string, DiagnosticCode>>;

/** Advice: checks that Docker lacks. They can be muted like the others, but never fail a build or a check. */
export const ADVICE_CODES = {
  HeredocWithoutErrexit: 'plan/heredoc-without-errexit',
  AptGetWithoutCleanup: 'plan/apt-get-without-cleanup',
  SecretFileCopied: 'plan/secret-file-copied',
  UndeclaredBuildArg: 'plan/undeclared-build-arg',
  OwnerChangeCopiesFiles: 'plan/owner-change-copies-files',
  StepCommentIgnored: 'plan/step-comment-ignored',
} as const satisfies Readonly<Record<string, DiagnosticCode>>;

/** Docker's name of a rule, or ours of an advice. */
export type CheckRule = keyof typeof CHECK_CODES | keyof typeof ADVICE_CODES;

const RULES = new Map<Diagnostic['code'], CheckRule>(
  [...Object.entries(CHECK_CODES), ...Object.entries(ADVICE_CODES)].map(([rule, code]) => [code, rule as CheckRule]),
);

export const codeOf = (rule: CheckRule): DiagnosticCode => ({ ...CHECK_CODES, ...ADVICE_CODES })[rule];

/** Undefined for problems that are no check. */
export const ruleOf = (code: Diagnostic['code']): CheckRule | undefined => RULES.get(code);

export const isAdvice = (rule: CheckRule): boolean => Object.hasOwn(ADVICE_CODES, rule);
