// All instructions of a text, in order: layout by the grammar, then each one lowered.
import type { Instruction } from './ast.ts';
import { createGrammar, type Grammar } from './grammar.ts';
import { type FileContext, isInstructionName, lowerInstruction } from './lower-instruction.ts';

/** Built at the first parse and kept: construction costs more than parsing a usual file. */
const grammar: () => Grammar = (() => {
  let built: Grammar | undefined;
  return () => {
    built ??= createGrammar();
    return built;
  };
})();

/** A run of unknown lines gives one node, for it is most likely one text; so does what comes after too many problems. */
export function readInstructions(context: FileContext): Instruction[] {
  const { diagnostics, text, escapeChar } = context;
  const instructions: Instruction[] = [];
  let afterUnknown = false;
  for (const layout of grammar().readLayout(text, escapeChar)) {
    const [first] = layout.physical.lines;
    if (first === undefined) {
      const hint = 'split it into several files';
      diagnostics.fileError('parse/too-many-instructions', 'the file has too many instructions', hint);
      break;
    }
    const instruction = lowerInstruction(context, layout, afterUnknown);
    const invalid = instruction.kind === 'invalid';
    const unknown = invalid && !isInstructionName(instruction.keyword.text);
    if (!invalid || !(diagnostics.isFull() || (unknown && afterUnknown))) instructions.push(instruction);
    afterUnknown = unknown;
  }
  return instructions;
}
