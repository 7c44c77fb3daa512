// Checks on ENV, LABEL and ARG (W-13, W-16).
import type { Span } from '../../core/span.ts';
import type { EnvInstruction } from '../../parser/ast.ts';
import type { Reporter } from '../reporter.ts';

export function checkLegacyPairs(instruction: EnvInstruction, reporter: Reporter): void {
  if (!instruction.legacy) return;
  const keyword = instruction.kind.toUpperCase();
  const message = `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`;
  reporter.warn('LegacyKeyValueFormat', instruction.span, message);
}

const SECRET = /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const HARMLESS = /(?:^|_)(?:public|file|version)(?:_|$)/i;

export function checkSecretName(keyword: 'ARG' | 'ENV', name: string, span: Span, reporter: Reporter): void {
  if (!SECRET.test(name) || HARMLESS.test(name)) return;
  const message = `Do not use ARG or ENV instructions for sensitive data (${keyword} "${name}")`;
  reporter.warn('SecretsUsedInArgOrEnv', span, message, { hint: 'use RUN --mount=type=secret' });
}
