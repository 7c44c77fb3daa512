// ONBUILD triggers of a base, parsed for the stage that runs them (O-02…O-04). Their problems are
// shown at the FROM line, because the trigger text is in another file or image.
import type { Span } from '../core/span.ts';
import type { DockerfileAst, Instruction } from '../parser/ast.ts';
import { parseOnbuildTrigger } from '../parser/parse-onbuild-trigger.ts';
import type { Reporter } from './reporter.ts';

/** Images are not trusted to hold a sensible number of triggers. */
const MAX_TRIGGERS = 1000;

/** Where triggers run: the FROM line that brings them and the escape of its file. */
export interface TriggerSite {
  readonly from: Span;
  readonly escapeChar: DockerfileAst['escape'];
}

export function parseTriggers(
  triggers: readonly string[] | null | undefined,
  site: TriggerSite,
  reporter: Reporter,
): readonly Instruction[] {
  return (triggers ?? []).slice(0, MAX_TRIGGERS).flatMap((text) => parseTrigger(text, site, reporter));
}

function parseTrigger(text: string, { from, escapeChar }: TriggerSite, reporter: Reporter): readonly Instruction[] {
  const { instruction, diagnostics } = parseOnbuildTrigger(text, escapeChar);
  const note = `in the trigger: ONBUILD ${text.split('\n', 1)[0]?.slice(0, 200)}`;
  for (const { code, severity, message, hint } of diagnostics) {
    if (severity === 'error') reporter.error(code, from, message, { notes: [note], ...(hint !== undefined && { hint }) });
  }
  return instruction === null ? [] : [instruction];
}
