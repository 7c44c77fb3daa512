// Check that COPY and ADD name sources that the build context has (W-19). Unlike Docker's it asks the
// ignore file itself, so exceptions do not silence it, and it names the line that ignores.
import type { Span } from '../../core/span.ts';
import type { Reporter } from '../reporter.ts';

export function checkIgnoredSource(
  keyword: 'COPY' | 'ADD',
  text: string,
  span: Span,
  hiddenBy: ((path: string) => string | null) | undefined,
  reporter: Reporter,
): void {
  const path = text.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '');
  if (hiddenBy === undefined || path === '' || path === '.') return;
  const line = hiddenBy(path);
  if (line === null) return;
  const verb = keyword === 'ADD' ? 'Add' : 'Copy';
  reporter.warn('CopyIgnoredFile', span, `Attempting to ${verb} file ${JSON.stringify(text)} that is excluded by .dockerignore`, {
    hint: `it is ignored by ${line}`,
  });
}
