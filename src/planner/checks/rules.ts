// Docker's build checks (section 12): rule names as users write them in `check=skip=…`, and our codes.
import type { DiagnosticCode } from '../../core/codes.ts';

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
  ExposeProtoCasing: 'plan/expose-proto-casing',
  ExposeInvalidFormat: 'plan/expose-invalid-format',
  InvalidDefinitionDescription: 'plan/invalid-definition-description',
} as const satisfies Readonly<Record<string, DiagnosticCode>>;

/** Docker's name of a rule. */
export type CheckRule = keyof typeof CHECK_CODES;
