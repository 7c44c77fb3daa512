// Validation blocks of variables: each condition must hold for the value that the variable has.
import { convert } from '../cty/convert.ts';
import { BOOL, STRING } from '../cty/types.ts';
import { evaluate } from '../eval/evaluate.ts';
import { BakeProblem, problem } from '../problem.ts';
import { attributeOf, requiredAttribute } from './collect-blocks.ts';
import type { Definition } from './definition.ts';

/** Evaluates every variable, used or not. */
export function checkVariables(definition: Definition): void {
  for (const [name, block] of definition.blocks.variables) {
    definition.variable(name);
    for (const validation of block.body.blocks) {
      if (validation.type !== 'validation') continue;
      const condition = requiredAttribute(validation, 'condition');
      const scope = definition.scopeIn(block.file);
      const result = convert(evaluate(condition.expression, scope), BOOL);
      if (result.ok && result.value.payload === true) continue;
      const given = attributeOf(validation, 'error_message');
      const text = given === null ? null : convert(evaluate(given.expression, scope), STRING);
      const message = text?.ok === true && text.value.payload !== null ? String(text.value.payload) : 'a condition does not hold';
      const place = { span: condition.expression.span, labels: [{ span: block.span, text: 'for this variable' }] };
      throw new BakeProblem(problem('bake/variable', `variable ${name}: ${message}`, place), block.file);
    }
  }
}
