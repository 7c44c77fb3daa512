// ARG inside a stage (A-02…A-08, I-14). Names of one line see the earlier ones (V-03).
import type { ArgInstruction } from '../../parser/ast.ts';
import { checkSecretName } from '../checks/key-values.ts';
import { buildArg } from '../global-scope.ts';
import { argText, type DeclaredArg } from '../history.ts';
import { expander, type LowerContext, type StageState, withMetadata } from './context.ts';

type Argument = ArgInstruction['args'][number];

const FAILED = Symbol('failed');

export function lowerArg(state: StageState, instruction: ArgInstruction, context: LowerContext): StageState {
  const shown: DeclaredArg[] = [];
  let next = state;
  for (const argument of instruction.args) {
    const name = argument.name.text;
    checkSecretName('ARG', name, argument.name.span, context.reporter);
    const value = argumentValue(next, argument, context);
    if (value === FAILED) return state;
    const declared: DeclaredArg = { name, ...(value !== undefined && { value }) };
    next = { ...next, args: next.args.with(name, value), ...(value !== undefined && { scope: next.scope.with(name, value) }) };
    shown.push(declared);
    const { outline, globals, onbuild, stage, options } = context;
    const given = buildArg(options.buildArgs, name) !== undefined;
    outline?.arg(instruction, argument, { value, given, globals, span: onbuild ? stage.from.span : argument.span });
  }
  return withMetadata(next, next.image.config, argText(shown));
}

/** Build argument, then default, then the global of that name; a default that is overridden is not evaluated. */
function argumentValue(state: StageState, { name, value: word }: Argument, context: LowerContext): string | undefined | typeof FAILED {
  const given = buildArg(context.options.buildArgs, name.text);
  if (given !== undefined) return given;
  if (word === undefined) return context.globals.values.get(name.text);
  return expander(state, context).text(word) ?? FAILED;
}
