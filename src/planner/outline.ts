// What `--call=outline` shows (S-02, S-04): ARGs, secrets, agents and caches of the stages that the
// target needs. Planning fills it in passing; a later stage's declaration replaces an earlier one's.
import type { Span } from '../core/span.ts';
import type { Mount } from '../graph/op.ts';
import type { ArgInstruction, DockerfileAst, Text } from '../parser/ast.ts';
import { expandWord } from './expand.ts';
import type { GlobalScope } from './global-scope.ts';
import type { StageGraph } from './stage-graph.ts';

export interface OutlineArg {
  readonly name: string;
  readonly description?: string;
  /** As a step would see it; absent when unset. */
  readonly value?: string;
  readonly span: Span;
}

export interface OutlineItem {
  readonly id: string;
  readonly required: boolean;
  readonly span: Span;
}

export interface Outline {
  readonly name?: string;
  readonly description?: string;
  readonly args: readonly OutlineArg[];
  readonly secrets: readonly OutlineItem[];
  readonly ssh: readonly OutlineItem[];
  readonly caches: readonly OutlineItem[];
}

interface Found extends OutlineItem {
  /** Index of its stage. */
  readonly stage: number;
}

type Argument = ArgInstruction['args'][number];

interface DeclaredValue {
  readonly value: string | undefined;
  /** By a build argument. */
  readonly given: boolean;
  readonly span: Span;
  readonly globals: GlobalScope;
}

export class OutlineRecorder {
  readonly #globals = new Map<string, Omit<OutlineArg, 'value'>>();
  readonly #args = new Map<string, OutlineArg>();
  readonly #items = { secret: new Map<string, Found>(), ssh: new Map<string, Found>(), cache: new Map<string, Found>() };
  #target: Pick<Outline, 'name' | 'description'> = {};

  constructor(ast: DockerfileAst) {
    for (const instruction of ast.instructions) {
      if (instruction.kind === 'from') break;
      if (instruction.kind !== 'arg') continue;
      for (const argument of instruction.args) this.#globals.set(argument.name.text, declarationOf(instruction, argument));
    }
  }

  /** Names the target, and the global ARGs that FROM lines use. */
  from({ target, reachable, globals }: StageGraph): void {
    const description = target.name === undefined ? undefined : describe(target.from.comments, target.name);
    this.#target = { ...(target.name !== undefined && { name: target.name }), ...(description !== undefined && { description }) };
    for (const { from } of reachable) {
      for (const word of [from.image, ...(from.platform === undefined ? [] : [from.platform.value])]) {
        const expanded = expandWord(word, (name) => globals.values.get(name));
        if (expanded.ok) for (const name of expanded.used) this.#addGlobal(name, globals);
      }
    }
  }

  /** Together with those that its value is made of. */
  #addGlobal(first: string, globals: GlobalScope): void {
    const names = new Set([first]);
    for (const name of names) {
      const declared = this.#globals.get(name);
      const value = globals.values.get(name);
      if (declared !== undefined) this.#args.set(name, { ...declared, ...(value !== undefined && { value }) });
      for (const other of globals.madeOf.get(name) ?? []) names.add(other);
    }
  }

  /** `span`: of the FROM line when a trigger declares it. A global stands for a declaration that takes its value over. */
  arg(instruction: ArgInstruction, argument: Argument, { value, given, span, globals }: DeclaredValue): void {
    const name = argument.name.text;
    // Platform ARGs are no globals of the file: they come from the builder, and nobody has to give them.
    if (argument.value === undefined && !given && globals.values.get(name) !== undefined) this.#addGlobal(name, globals);
    else this.#args.set(name, { ...declarationOf(instruction, argument), span, ...(value !== undefined && { value }) });
  }

  /** Of the mounts of an id the first one of the last stage counts. */
  mount(mount: Mount, span: Span, stage: number): void {
    if (mount.type !== 'secret' && mount.type !== 'ssh' && mount.type !== 'cache') return;
    const items = this.#items[mount.type];
    const required = mount.type !== 'cache' && mount.required;
    if (items.get(mount.id)?.stage !== stage) items.set(mount.id, { id: mount.id, required, span, stage });
  }

  outline(): Outline {
    const inOrder = <T extends { readonly span: Span }>(items: Iterable<T>): T[] => [...items].sort((a, b) => a.span.start - b.span.start);
    const { secret, ssh, cache } = this.#items;
    return {
      ...this.#target,
      args: inOrder(this.#args.values()),
      secrets: inOrder(secret.values()),
      ssh: inOrder(ssh.values()),
      caches: inOrder(cache.values()),
    };
  }
}

function declarationOf(instruction: ArgInstruction, { name, span }: Argument): Omit<OutlineArg, 'value'> {
  const description = describe(instruction.comments, name.text);
  return { name: name.text, span, ...(description !== undefined && { description }) };
}

/** Text after the name, spelled as it is, in the comment lines above a definition: `# name text`. */
export function describe(comments: readonly Text[], name: string): string | undefined {
  const line = comments.find(({ text }) => text.trim().startsWith(`${name} `));
  return line?.text.trim().slice(name.length + 1);
}
