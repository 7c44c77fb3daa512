// Checks that comments above ARG and FROM describe them (W-20, experimental).
import type { ArgInstruction, FromInstruction } from '../../parser/ast.ts';
import type { Reporter } from '../reporter.ts';

export function checkDescription(instruction: ArgInstruction | FromInstruction, reporter: Reporter): void {
  const comment = instruction.comments.at(-1);
  const names =
    instruction.kind === 'arg' ? instruction.args.map(({ name }) => name.text) : instruction.as ? [instruction.as.name.text] : [];
  const [first, ...others] = names;
  if (comment === undefined || first === undefined || names.includes(comment.text.trimStart().split(' ', 1)[0] ?? '')) return;
  const example = others.length > 0 ? '<arg_key>' : first;
  const message = `Comment for ${instruction.kind.toUpperCase()} should follow the format: \`# ${example} <description>\``;
  reporter.warn('InvalidDefinitionDescription', comment.span, message);
}
