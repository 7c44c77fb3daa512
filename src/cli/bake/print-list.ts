// `bake --list`: targets or variables as a table or as JSON; with --affected or --shard only the targets
// selected, and why.
import { listTargets, listVariables } from '../../build/bake/list-bake.ts';
import { BakeProblem, loadDefinitions, type OpenBakeOptions } from '../../build/bake/open-bake.ts';
import type { Cli } from '../commands/command.ts';
import { EXIT_OK, EXIT_USAGE } from '../exit-code.ts';
import { usageError } from '../flags/parse-argv.ts';
import { tableText } from '../table-text.ts';
import { reportAll } from './report-all.ts';
import type { Selection } from './select-targets.ts';

/** `targets`, `variables`, or the fields `type=` and `format=json` as buildx takes them. */
export async function printList(text: string, options: OpenBakeOptions, selection: Selection | null, cli: Cli): Promise<number> {
  const fields = new Map(
    text
      .split(',')
      .map((field) => (field.includes('=') ? [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)] : ['type', field])),
  );
  const type = fields.get('type');
  if (type !== 'targets' && type !== 'variables') throw usageError('bake', `--list is targets or variables, got ${JSON.stringify(text)}`);
  try {
    const loaded = await loadDefinitions(options);
    const { items, rows } = type === 'targets' ? targetList(listTargets(loaded), selection) : variableList(listVariables(loaded));
    cli.print(fields.get('format') === 'json' ? `${JSON.stringify(items, null, 2)}\n` : tableText(rows));
    return EXIT_OK;
  } catch (error) {
    if (!(error instanceof BakeProblem)) throw error;
    reportAll(error.all(), cli);
    return EXIT_USAGE;
  }
}

interface List {
  readonly items: readonly unknown[];
  readonly rows: readonly (readonly string[])[];
}

function targetList(all: ReturnType<typeof listTargets>, selection: Selection | null): List {
  if (selection === null)
    return { items: all, rows: [['TARGET', 'DESCRIPTION'], ...all.map((item) => [item.name, item.description ?? ''])] };
  const items = selection.names.map((name) => {
    const { description } = all.find((item) => item.name === name) ?? {};
    const reason = selection.reasons.get(name);
    return {
      name,
      ...(description === undefined ? {} : { description }),
      ...(reason === undefined ? {} : { reason: reason.text, kind: reason.kind, input: reason.input }),
    };
  });
  return { items, rows: [['TARGET', 'REASON'], ...items.map((item) => [item.name, item.reason ?? ''])] };
}

function variableList(items: ReturnType<typeof listVariables>): List {
  const rows = items.map((item) => [item.name, item.type ?? '', item.value ?? '<null>', item.description ?? '']);
  return { items, rows: [['VARIABLE', 'TYPE', 'VALUE', 'DESCRIPTION'], ...rows] };
}
