// Diagnostics of definition files, on stderr.
import type { BakeDiagnostic } from '../../build/bake/open-bake.ts';
import { renderDiagnostic } from '../../core/render-diagnostic.ts';
import type { Cli } from '../commands/command.ts';

/** Says whether there are errors. */
export function reportAll(diagnostics: readonly BakeDiagnostic[], cli: Cli): boolean {
  for (const { diagnostic, file } of diagnostics)
    cli.stderr.write(`${renderDiagnostic(diagnostic, file ?? { name: 'bake', text: '' }, { color: cli.stderr.color })}\n`);
  return diagnostics.some(({ diagnostic }) => diagnostic.severity === 'error');
}
