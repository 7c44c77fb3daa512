// What a flag is. Each flag of each command is declared once, in flags/<command>.ts; parsing, help
// and docs/cli.md come from these tables.

export interface FlagSpec {
  /** Without dashes. */
  readonly name: string;
  readonly short?: string;
  /**
   * 'switch' takes no value (`--push`, `--push=false`); 'value' one, the last wins; 'list' collects;
   * 'optional' is a switch that may have a value after `=`, and only there.
   */
  readonly kind: 'switch' | 'value' | 'list' | 'optional';
  /** Shown in help for flags with values: `NAME[:TAG]`. */
  readonly placeholder?: string;
  readonly help: string;
  /** The only values a 'value' flag takes. */
  readonly choices?: readonly string[];
  /** Why a flag that Docker has is refused; the flag is still recognised by name. */
  readonly refused?: string;
}

export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments as shown in usage: `CONTEXT`. */
  readonly usage: string;
  readonly flags: readonly FlagSpec[];
  /** Allowed number of positional arguments. */
  readonly min: number;
  readonly max: number;
  /** Everything after the first positional belongs to it, flags included (`run IMAGE ls -l`). */
  readonly rest?: boolean;
  readonly examples?: readonly string[];
}

export interface ParsedArgs {
  readonly switches: ReadonlyMap<string, boolean>;
  readonly values: ReadonlyMap<string, string>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
}

/** The value of a flag as usage texts show it, with what stands before it. */
export function shownValue(flag: FlagSpec): string {
  if (flag.kind === 'switch') return '';
  const name = flag.placeholder ?? 'VALUE';
  return flag.kind === 'optional' ? `[=${name}]` : ` ${name}`;
}

export const isOn = (args: ParsedArgs, name: string): boolean => args.switches.get(name) === true;
export const listOf = (args: ParsedArgs, name: string): readonly string[] => args.lists.get(name) ?? [];
