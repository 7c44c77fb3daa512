// The value of a variable that the environment sets: text read by the variable's type, or by the type
// of its default when it has none.
import { csvFields, EntryProblem } from '../attributes/key-values.ts';
import { fromDouble } from '../cty/big-float.ts';
import { convert } from '../cty/convert.ts';
import { parseJsonValue } from '../cty/json.ts';
import { type CtyType, isPrimitive, typeName } from '../cty/types.ts';
import { boolValue, numberValue, stringValue, tupleValue, type Value } from '../cty/value.ts';
import { plainProblem } from '../problem.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Override {
  readonly text: string;
  /** From NAME_JSON. */
  readonly json: boolean;
}

/** NAME_JSON counts only for variables with a type, and then before NAME. */
export function overrideOf(name: string, typed: boolean, environment: Environment): Override | null {
  const json = environment[`${name}_JSON`];
  if (typed && json !== undefined) return { text: json, json: true };
  const text = environment[name];
  return text === undefined ? null : { text, json: false };
}

const fail = (name: string, reason: string): never => {
  throw plainProblem('bake/variable', `variable ${name}: ${reason}`, 'the value comes from the environment');
};

export function typedOverride(name: string, override: Override, type: CtyType): Value {
  if (override.json) {
    const parsed = parseJsonValue(override.text);
    if (parsed === null) return fail(name, `${name}_JSON is not JSON`);
    const converted = convert(parsed, type);
    return converted.ok ? converted.value : fail(name, `${name}_JSON does not fit its type: ${converted.reason}`);
  }
  if (isPrimitive(type)) return primitiveOverride(name, override.text, type);
  const sequence =
    type.kind === 'list' || type.kind === 'set' ? isPrimitive(type.element) : type.kind === 'tuple' && type.items.every(isPrimitive);
  if (!sequence) return fail(name, `a ${typeName(type)} cannot be given as text; set ${name}_JSON instead`);
  const converted = convert(tupleValue(recordOf(name, override.text).map(stringValue)), type);
  return converted.ok ? converted.value : fail(name, `${JSON.stringify(override.text)} does not fit its type: ${converted.reason}`);
}

function recordOf(name: string, text: string): string[] {
  try {
    if (text === '') return fail(name, `an empty text is no list of values; set ${name}_JSON to [] for an empty one`);
    return csvFields(text);
  } catch (error) {
    if (error instanceof EntryProblem) return fail(name, error.message);
    throw error;
  }
}

/** Go's ParseBool and ParseFloat decide what a bool and a number are. */
export function primitiveOverride(name: string, text: string, type: CtyType): Value {
  switch (type.kind) {
    case 'string':
    case 'dynamic':
      return stringValue(text);
    case 'bool':
      if (/^(1|t|T|true|TRUE|True)$/.test(text)) return boolValue(true);
      return /^(0|f|F|false|FALSE|False)$/.test(text) ? boolValue(false) : fail(name, `${JSON.stringify(text)} is not a bool`);
    case 'number': {
      const number = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
      return Number.isFinite(number) ? numberValue(fromDouble(number)) : fail(name, `${JSON.stringify(text)} is not a number in range`);
    }
    default:
      return fail(name, `its default is a ${typeName(type)}, which the environment can only change when the variable has a type`);
  }
}
