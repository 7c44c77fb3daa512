// CMD, ENTRYPOINT, SHELL and HEALTHCHECK (I-07…I-11): how the image's process starts.
import type { ContainerConfig, Healthcheck } from '../../core/descriptor.ts';
import type { Command, CommandInstruction, HealthcheckInstruction, ShellInstruction } from '../../parser/ast.ts';
import { checkJsonRecommended, checkRepeated } from '../checks/commands.ts';
import { shellOf } from '../config-state.ts';
import { commandText, healthcheckText, shellText } from '../history.ts';
import { type LowerContext, type StageState, withMetadata } from './context.ts';

const argvOf = (command: Command, config: ContainerConfig): readonly string[] =>
  command.form === 'exec' ? command.args : [...shellOf(config), command.text];

export function lowerCmd(state: StageState, instruction: CommandInstruction, context: LowerContext): StageState {
  const { config } = state.image;
  checkRepeated('CMD', state.last.cmd, context.reporter);
  checkJsonRecommended('CMD', instruction, config, context.reporter);
  const args = argvOf(instruction.command, config);
  const next = { ...state, last: { ...state.last, cmd: instruction.span } };
  return withMetadata(next, { ...config, Cmd: args, ArgsEscaped: true }, commandText('CMD', args));
}

/** Drops a Cmd that came from the base: it was meant for another entrypoint (I-08). */
export function lowerEntrypoint(state: StageState, instruction: CommandInstruction, context: LowerContext): StageState {
  const { Cmd, Entrypoint: _old, ...config } = state.image.config;
  checkRepeated('ENTRYPOINT', state.last.entrypoint, context.reporter);
  checkJsonRecommended('ENTRYPOINT', instruction, state.image.config, context.reporter);
  const args = argvOf(instruction.command, state.image.config);
  const next = { ...state, last: { ...state.last, entrypoint: instruction.span } };
  const changed = {
    ...config,
    ...(args.length > 0 && { Entrypoint: args }),
    ...(state.last.cmd !== undefined && Cmd !== undefined && { Cmd }),
  };
  return withMetadata(next, changed, commandText('ENTRYPOINT', args));
}

export const lowerShell = (state: StageState, instruction: ShellInstruction): StageState =>
  withMetadata(state, { ...state.image.config, Shell: instruction.args }, shellText(instruction.args));

export function lowerHealthcheck(state: StageState, instruction: HealthcheckInstruction, context: LowerContext): StageState {
  checkRepeated('HEALTHCHECK', state.last.healthcheck, context.reporter);
  const check = healthcheckOf(instruction);
  const next = { ...state, last: { ...state.last, healthcheck: instruction.span } };
  return withMetadata(next, { ...state.image.config, Healthcheck: check }, healthcheckText(check));
}

/** Zero durations are left out of the config: they mean the default. */
function healthcheckOf({ check }: HealthcheckInstruction): Healthcheck {
  if (check.type === 'none') return { Test: ['NONE'] };
  const test = check.command.form === 'exec' ? ['CMD', ...check.command.args] : ['CMD-SHELL', check.command.text];
  return {
    Test: test,
    ...(check.interval > 0 && { Interval: check.interval }),
    ...(check.timeout > 0 && { Timeout: check.timeout }),
    ...(check.startPeriod > 0 && { StartPeriod: check.startPeriod }),
    ...(check.startInterval > 0 && { StartInterval: check.startInterval }),
    ...(check.retries > 0 && { Retries: check.retries }),
  };
}
