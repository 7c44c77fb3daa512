// Advice about build arguments that nobody declares although a name is near: --build-arg VERSON=1.
import type { Span } from '../../core/span.ts';
import { suggest } from '../../core/suggest.ts';
import type { Instruction } from '../../parser/ast.ts';
import type { Reporter } from '../reporter.ts';

/** Build arguments that builders take without a declaration, among others in scripts that serve many Dockerfiles. */
const KNOWN =
  /^(?:BUILDKIT_|SOURCE_DATE_EPOCH$|(?:HTTP|HTTPS|FTP|NO|ALL)_PROXY$|(?:BUILD|TARGET)(?:PLATFORM|OS|OSVERSION|ARCH|VARIANT|STAGE)$)/i;

/** `instructions`: of the file and of the triggers that ran. Names that are given themselves are not suggested. */
export function checkBuildArgs(buildArgs: Readonly<Record<string, string>>, instructions: Iterable<Instruction>, reporter: Reporter): void {
  const given = Object.keys(buildArgs).filter((name) => !KNOWN.test(name));
  if (given.length === 0) return;
  const declared = new Map<string, Span>();
  for (const instruction of instructions)
    if (instruction.kind === 'arg')
      for (const { name } of instruction.args) if (!declared.has(name.text)) declared.set(name.text, name.span);
  const open = [...declared.keys()].filter((name) => !Object.hasOwn(buildArgs, name));
  for (const name of given) {
    const near = declared.has(name) ? null : suggest(name, open);
    const span = near === null ? undefined : declared.get(near);
    if (span === undefined) continue;
    const message = `Build argument ${name} is declared nowhere (did you mean ${near}?)`;
    reporter.warn('UndeclaredBuildArg', span, message);
  }
}
