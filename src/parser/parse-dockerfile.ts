// The parser's front door: text in, tree and every diagnostic out. Never throws on any text.
import type { Diagnostic } from '../core/diagnostic.ts';
import type { SourceFile } from '../core/span.ts';
import type { DockerfileAst, Instruction } from './ast.ts';
import { parseCheckDirective } from './check-directive.ts';
import { type DiagnosticList, diagnosticList } from './diagnostic-list.ts';
import { readDirectives, startOfText } from './directives.ts';
import { contentEnd, nextLine } from './logical-line.ts';
import type { FileContext } from './lower-instruction.ts';
import { readInstructions } from './read-instructions.ts';

export interface ParseResult {
  readonly ast: DockerfileAst;
  /** In source order; problems of the whole file come first. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Longest physical line in bytes without its `\n`, as Go's scanner allows it (P-20). */
export const MAX_LINE_BYTES = 65_535;

/** Parses a Dockerfile (P-01 to P-63). `instructions` holds a node for each instruction, also for broken ones. */
export function parseDockerfile(file: SourceFile): ParseResult {
  const diagnostics = diagnosticList();
  // A byte order mark becomes a blank, which keeps all offsets (P-05).
  const text = startOfText(file.text) === 1 ? ` ${file.text.slice(1)}` : file.text;
  const { directives, escapeChar, end } = readDirectives(file.text, diagnostics.error);
  const overlong = overlongLines(text, diagnostics);
  const context: FileContext = { text, escapeChar, directivesEnd: end, overlong, diagnostics };
  const instructions = readInstructions(context);
  checkOrder(text, instructions, diagnostics);
  const check = directives.find((directive) => directive.name === 'check');
  if (check !== undefined) parseCheckDirective(check, diagnostics.error);
  return { ast: { file, directives, escape: escapeChar, instructions }, diagnostics: diagnostics.finish() };
}

/** Start offsets of lines that are refused; instructions that hold one are not read any further. */
function overlongLines(text: string, diagnostics: DiagnosticList): ReadonlySet<number> {
  const found = new Set<number>();
  if (text.length * 3 <= MAX_LINE_BYTES) return found;
  for (let at = 0; at < text.length; ) {
    const next = nextLine(text, at);
    if ((next - at) * 3 > MAX_LINE_BYTES && Buffer.byteLength(text.slice(at, next).replace(/\n$/, '')) > MAX_LINE_BYTES) {
      const message = `dockerfile line greater than max allowed size of ${MAX_LINE_BYTES}`;
      diagnostics.error(
        'parse/line-too-long',
        message,
        { start: at, end: contentEnd(text, at, next) },
        { hint: 'break the line with continuations' },
      );
      found.add(at);
    }
    at = next;
  }
  return found;
}

/** What the file as a whole must have: a stage, and nothing but ARG before it (P-23). */
function checkOrder(text: string, instructions: readonly Instruction[], diagnostics: DiagnosticList): void {
  if (instructions.length === 0) {
    if (text === '') diagnostics.fileError('parse/empty-file', 'the Dockerfile cannot be empty', 'begin with FROM IMAGE');
    else diagnostics.fileError('parse/no-instructions', 'file with no instructions', 'begin with FROM IMAGE');
    return;
  }
  const first = instructions.find((instruction) => instruction.kind !== 'arg');
  if (first === undefined)
    diagnostics.fileError('parse/no-stages', 'dockerfile contains no stages to build', 'add FROM IMAGE after the ARGs');
  else if (first.kind !== 'from' && first.kind !== 'invalid') {
    const hint = 'put FROM IMAGE above it; only ARG may come before the first FROM';
    diagnostics.error('parse/no-stage-yet', 'no build stage in current context', first.keyword.span, { hint });
  }
}
