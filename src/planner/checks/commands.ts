// Checks on CMD, ENTRYPOINT and HEALTHCHECK (W-07, W-12).
import type { ContainerConfig } from '../../core/descriptor.ts';
import type { Span } from '../../core/span.ts';
import type { CommandInstruction } from '../../parser/ast.ts';
import type { Reporter } from '../reporter.ts';

/** Signals do not reach a program behind a shell; a stage that sets SHELL has chosen one. */
export function checkJsonRecommended(keyword: string, instruction: CommandInstruction, config: ContainerConfig, reporter: Reporter): void {
  if (instruction.command.form !== 'shell' || (config.Shell?.length ?? 0) > 0) return;
  const message = `JSON arguments recommended for ${keyword} to prevent unintended behavior related to OS signals`;
  reporter.warn('JSONArgsRecommended', instruction.span, message);
}

/** Reported at the earlier one: that is the one without effect. */
export function checkRepeated(keyword: string, earlier: Span | undefined, reporter: Reporter): void {
  if (earlier === undefined) return;
  const message = `Multiple ${keyword} instructions should not be used in the same stage because only the last one will be used`;
  reporter.warn('MultipleInstructionsDisallowed', earlier, message);
}
