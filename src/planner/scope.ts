// Variables in force at one point of a stage: an immutable ordered map. Setting a name moves it to
// the end, which is the order in which a RUN sees its environment (checked against BuildKit).
import { ImageEnv, type Setting, setting } from './image-env.ts';
import { OrderedMap } from './ordered-map.ts';

interface Layers {
  /** ARGs of the stages below. */
  readonly args: OrderedMap<Setting>;
  /** Env of the image that the stage starts from, set over those ARGs. */
  readonly env: ImageEnv;
  /** Set in this stage, by ARG or ENV. */
  readonly own: OrderedMap<Setting>;
}

export class Scope {
  static readonly empty = new Scope({ args: OrderedMap.empty(), env: ImageEnv.empty, own: OrderedMap.empty() });

  readonly #layers: Layers;

  private constructor(layers: Layers) {
    this.#layers = layers;
  }

  static from(pairs: readonly (readonly [string, string])[]): Scope {
    return pairs.reduce((scope: Scope, [name, value]) => scope.with(name, value), Scope.empty);
  }

  get(name: string): string | undefined {
    const { args, env, own } = this.#layers;
    return own.get(name)?.value ?? env.get(name) ?? args.get(name)?.value;
  }

  with(name: string, value: string | Setting): Scope {
    const own = this.#layers.own.withLast(name, typeof value === 'string' ? setting(name, value) : value);
    return new Scope({ ...this.#layers, own });
  }

  /** What a stage starts with whose base ends with this scope and has the variables `env`: those count again, over its ARGs. */
  above(env: ImageEnv): Scope {
    let { args } = this.#layers;
    for (const [name, value] of this.#layers.own.entries()) if (env.get(name) === undefined) args = args.withLast(name, value);
    return new Scope({ args, env, own: OrderedMap.empty() });
  }

  /** Upper bound of the number of names, cheap. */
  get size(): number {
    const { args, env, own } = this.#layers;
    return args.size + env.size + own.size;
  }

  /** `K=V` in order of the last setting. */
  pairs(): string[] {
    const { env, own } = this.#layers;
    const settings = own.values().map(({ pair }) => pair);
    return [...this.#argsBelow(), ...env.startPairs(own), ...settings];
  }

  /** `K=V` of the ARGs of the stages below that nothing has set since. */
  #argsBelow(): string[] {
    const { args, env, own } = this.#layers;
    if (args.size === 0) return [];
    const hidden = new Set([...own.keys(), ...env.names()].filter((name) => args.has(name)));
    if (hidden.size === 0) return args.values().map(({ pair }) => pair);
    return args.entries().flatMap(([name, { pair }]) => (hidden.has(name) ? [] : [pair]));
  }

  /** In no order, some twice. */
  names(): string[] {
    const { args, env, own } = this.#layers;
    return [...args.keys(), ...env.names(), ...own.keys()];
  }
}
