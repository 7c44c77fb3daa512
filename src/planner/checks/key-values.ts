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

const SECRET: ReadonlySet<string> = new Set([
  'apikey',
  'auth',
  'credential',
  'credentials',
  'key',
  'password',
  'pword',
  'passwd',
  'secret',
  'token',
]);
const HARMLESS: ReadonlySet<string> = new Set(['public', 'file', 'version']);

export function checkSecretName(keyword: 'ARG' | 'ENV', name: string, span: Span, reporter: Reporter): void {
  const words = name.toLowerCase().split('_');
  if (!words.some((word) => SECRET.has(word)) || words.some((word) => HARMLESS.has(word))) return;
  const message = `Do not use ARG or ENV instructions for sensitive data (${keyword} "${name}")`;
  reporter.warn('SecretsUsedInArgOrEnv', span, message, { hint: 'use RUN --mount=type=secret' });
}
