// Text that the system takes for no argument, variable or path: it would be cut off or changed on the way.
import type { Span } from '../../core/span.ts';
import type { LowerContext } from './context.ts';

/** Arguments and variables of a step. False after an error that was reported. */
export function areForProcess(texts: readonly string[], span: Span, { reporter }: LowerContext): boolean {
  // Bytes that are not UTF-8 stand as lone surrogates.
  const bad = texts.find((text) => text.includes('\0') || !text.isWellFormed());
  if (bad === undefined) return true;
  const what = bad.includes('\0') ? 'a NUL byte' : 'bytes that are not UTF-8';
  reporter.error('plan/unusable-text', span, `${what} in the command or its variables: no program can be given that`, {
    hint: "let the command make it, for example with printf '\\377'",
  });
  return false;
}

/** Names in file systems may have any other byte. False after an error that was reported. */
export function isPath(text: string, span: Span, { reporter }: LowerContext): boolean {
  if (!text.includes('\0')) return true;
  reporter.error('plan/unusable-text', span, 'a NUL byte in a path: no file can have that name');
  return false;
}
