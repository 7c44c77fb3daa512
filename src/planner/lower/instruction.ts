// Sends one instruction to its lowering. FROM and invalid nodes change nothing here.
import type { Instruction } from '../../parser/ast.ts';
import { mutedFor } from '../checks/skip.ts';
import { lowerArg } from './arg.ts';
import { lowerCmd, lowerEntrypoint, lowerHealthcheck, lowerShell } from './command.ts';
import type { LowerContext, StageState } from './context.ts';
import { lowerCopy } from './copy.ts';
import { lowerEnv, lowerLabel } from './env.ts';
import { lowerExpose } from './expose.ts';
import { lowerMaintainer, lowerOnbuild, lowerStopsignal, lowerUser, lowerVolume } from './metadata.ts';
import { lowerRun } from './run.ts';
import { refuseStepComments } from './step-comments.ts';
import { lowerWorkdir } from './workdir.ts';

/** State after `instruction`; unchanged when it was wrong and has been reported. */
export function lowerInstruction(state: StageState, instruction: Instruction, context: LowerContext): StageState {
  const mute = mutedFor(instruction);
  const muted = mute === null ? context : { ...context, reporter: context.reporter.muting(mute) };
  if (instruction.kind !== 'run') refuseStepComments(instruction, muted.reporter);
  return lowerKind(state, instruction, muted);
}

function lowerKind(state: StageState, instruction: Instruction, context: LowerContext): StageState {
  switch (instruction.kind) {
    case 'from':
    case 'invalid':
      return state;
    case 'run':
      return lowerRun(state, instruction, context);
    case 'copy':
    case 'add':
      return lowerCopy(state, instruction, context);
    case 'env':
      return lowerEnv(state, instruction, context);
    case 'label':
      return lowerLabel(state, instruction, context);
    case 'arg':
      return lowerArg(state, instruction, context);
    case 'cmd':
      return lowerCmd(state, instruction, context);
    case 'entrypoint':
      return lowerEntrypoint(state, instruction, context);
    case 'shell':
      return lowerShell(state, instruction);
    case 'healthcheck':
      return lowerHealthcheck(state, instruction, context);
    case 'expose':
      return lowerExpose(state, instruction, context);
    case 'volume':
      return lowerVolume(state, instruction, context);
    case 'user':
      return lowerUser(state, instruction, context);
    case 'workdir':
      return lowerWorkdir(state, instruction, context);
    case 'stopsignal':
      return lowerStopsignal(state, instruction, context);
    case 'maintainer':
      return lowerMaintainer(state, instruction);
    case 'onbuild':
      return lowerOnbuild(state, instruction);
  }
}

/** Whether the instruction makes a step of its own (F-14). */
export const isStep = ({ kind }: Instruction): boolean => kind === 'run' || kind === 'copy' || kind === 'add' || kind === 'workdir';
