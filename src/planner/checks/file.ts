// Checks that look at the whole file, reachable or not (W-04, W-08, W-20).
import type { DockerfileAst, Instruction } from '../../parser/ast.ts';
import type { Reporter } from '../reporter.ts';
import { checkDescription } from './descriptions.ts';
import { mutedFor } from './skip.ts';

export function checkFile(ast: DockerfileAst, reporter: Reporter): void {
  checkKeywordCasing(ast, reporter);
  for (const instruction of ast.instructions) {
    const mute = mutedFor(instruction);
    checkInstruction(instruction, mute === null ? reporter : reporter.muting(mute));
  }
}

function checkInstruction(instruction: Instruction, reporter: Reporter): void {
  if (instruction.kind === 'arg' || instruction.kind === 'from') checkDescription(instruction, reporter);
  if (instruction.kind !== 'maintainer') return;
  reporter.warn('MaintainerDeprecated', instruction.span, 'Maintainer instruction is deprecated in favor of using label', {
    hint: `write LABEL org.opencontainers.image.authors=${JSON.stringify(instruction.name.text)}`,
  });
}

/** Keywords of stages should all be upper or all be lower case; the majority decides, a tie is upper. */
function checkKeywordCasing(ast: DockerfileAst, reporter: Reporter): void {
  const preamble = ast.instructions.findIndex(({ kind }) => kind === 'from');
  const staged = preamble === -1 ? [] : ast.instructions.slice(preamble);
  const keywords = staged.filter(({ kind }) => kind !== 'invalid').map(({ keyword }) => keyword);
  const isLower = (text: string): boolean => text === text.toLowerCase();
  const isUpper = (text: string): boolean => text === text.toUpperCase();
  const lower = keywords.filter(({ text }) => isLower(text)).length;
  const upper = keywords.filter(({ text }) => isUpper(text)).length;
  const majority = lower > upper ? 'lowercase' : 'uppercase';
  for (const { text, span } of keywords) {
    if (majority === 'lowercase' ? isLower(text) : isUpper(text)) continue;
    reporter.warn('ConsistentInstructionCasing', span, `Command '${text}' should match the case of the command majority (${majority})`);
  }
}
